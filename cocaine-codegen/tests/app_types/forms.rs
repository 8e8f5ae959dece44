//! Forms of types that the runtime's table does not have.

use std::collections::BTreeMap;

use cocaine::schema::{AppSchema, Definition, Definitions, Field, Schema, Shape, StructDefinition, Type};
use cocaine_codegen::generate_types;

use crate::compilers::Compilers;

/// Returns the Rust of these types, with its spaces and line breaks as single spaces.
fn generate(types: BTreeMap<String, Definition>) -> String {
    let text = generate_types("shop", &AppSchema { types, ..AppSchema::default() }).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn generate_json(types: &str) -> String {
    generate(serde_json::from_str(types).unwrap())
}

fn structure(fields: Vec<Field>) -> Definition {
    Definition {
        doc: String::new(),
        shape: Shape::Struct(StructDefinition { fields, deny_unknown_fields: false }),
    }
}

#[test]
fn keys_without_order_are_kept_as_entries() {
    let text = generate_json(
        r#"{
            "shop::Float": {"shape": {"newtype": {"map": ["f64", "u8"]}}},
            "shop::Any": {"shape": {"newtype": {"map": [{"option": "any"}, "u8"]}}},
            "shop::Key": {"shape": {"tuple_struct": ["text", {"named": "shop::Id"}]}},
            "shop::Id": {"shape": {"newtype": "bytes"}},
            "shop::Named": {"shape": {"newtype": {"map": [{"named": "shop::Key"}, "u8"]}}}
        }"#,
    );
    assert!(text.contains("pub MapEntries<f64, u8>"), "{text}");
    assert!(text.contains("pub MapEntries<Option<Value>, u8>"), "{text}");
    assert!(text.contains("pub ::std::collections::BTreeMap<Key, u8>"), "{text}");
    assert_eq!(
        text.matches("PartialEq, Eq, Hash, PartialOrd, Ord").count(),
        2,
        "of the key and of what it has: {text}"
    );
}

#[test]
fn definition_that_lies_is_no_std_type() {
    let mut definitions = Definitions::default();
    std::time::Duration::schema(&mut definitions);
    let mut types = definitions.types().clone();
    let holder = structure(vec![Field::new("wait", Type::Named("std::time::Duration".to_owned()))]);
    types.insert("shop::Holder".to_owned(), holder);
    assert!(generate(types.clone()).contains("pub wait: ::std::time::Duration,"));
    types.insert("std::time::Duration".to_owned(), structure(vec![Field::new("secs", Type::U32)]));
    let text = generate(types);
    assert!(text.contains("pub wait: Duration,") && text.contains("pub struct Duration {"), "{text}");
}

#[test]
fn foreign_types_are_newtypes_of_their_content() {
    let mut definitions = Definitions::default();
    definitions.define::<u8>("uuid::Uuid", &[], |_| Definition {
        doc: String::new(),
        shape: Shape::Newtype(Type::Bytes),
    });
    assert!(generate(definitions.types().clone()).contains("pub struct Uuid( /// The value. pub Bytes, );"));
}

/// Structs in an untagged enum are told apart by their fields, of which the derive knows nothing unless they are in a `Box`.
#[test]
fn untagged_structs_are_in_boxes() {
    let types = r#"{
        "shop::A": {"shape": {"struct": {"fields": [{"name": "a", "type": "u8"}]}}},
        "shop::B": {"shape": {"struct": {"fields": [{"name": "b", "type": "u8"}]}}},
        "shop::Either": {"shape": {"enum": {"tagging": "untagged", "variants": [
            {"name": "A", "content": {"newtype": {"named": "shop::A"}}},
            {"name": "B", "content": {"newtype": {"named": "shop::B"}}}
        ]}}}
    }"#;
    let text = generate_json(types);
    assert!(text.contains("A(Box<A>)") && text.contains("B(Box<B>)"), "{text}");
    let text = generate_types(
        "shop",
        &serde_json::from_str(&format!(r#"{{"schema": 1, "types": {types}}}"#)).unwrap(),
    );
    Compilers::find().clippy(&format!("//! Types.\n{}", text.unwrap()));
}

#[test]
fn thousand_fields_keep_their_order() {
    let fields = (0..1000).map(|index| Field::new(format!("field {index}"), Type::Text));
    let types = BTreeMap::from([("shop::Wide".to_owned(), structure(fields.collect()))]);
    let text = generate(types);
    let places: Vec<_> =
        (0..1000).map(|index| text.find(&format!("pub field_{index}: String,")).unwrap()).collect();
    assert!(places.is_sorted());
}
