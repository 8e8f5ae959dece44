//! The structural hash: what it is of, and what it is not of.

use std::collections::BTreeMap;

use cocaine::{
    Schema,
    schema::{Definition, Field, Shape, StructDefinition, Type, TypeSchema},
};
use serde::{Deserialize, Serialize};

fn hash<T: Schema + ?Sized>() -> u64 {
    TypeSchema::of::<T>().hash()
}

#[derive(Schema)]
struct Base {
    a: u8,
    b: Option<String>,
}

#[test]
fn hash_ignores_names_of_types_docs_and_order() {
    /// Documented.
    #[derive(Serialize, Deserialize, Schema)]
    struct Other {
        /// Documented.
        #[serde(default, alias = "c")]
        b: Option<String>,
        #[serde(rename = "a")]
        renamed: Small,
    }
    #[derive(Serialize, Deserialize, Schema)]
    struct Small(u8);
    assert_eq!(hash::<Base>(), hash::<Other>());
    assert_eq!(hash::<Vec<Base>>(), hash::<std::collections::VecDeque<Box<Other>>>());
    assert_eq!(hash::<(Base, Base)>(), hash::<(Base, Other)>(), "two types of one structure");
    assert_eq!(hash::<Small>(), hash::<u8>(), "a newtype is its content");
}

#[test]
fn hash_differs_with_structure() {
    #[derive(Schema)]
    struct Wider {
        a: u16,
        b: Option<String>,
    }
    #[derive(Schema)]
    struct Renamed {
        a: u8,
        c: Option<String>,
    }
    #[derive(Schema)]
    struct Required {
        a: u8,
        b: String,
    }
    #[derive(Schema)]
    struct More {
        a: u8,
        b: Option<String>,
        c: (),
    }
    let hashes = [
        hash::<Base>(),
        hash::<Wider>(),
        hash::<Renamed>(),
        hash::<Required>(),
        hash::<More>(),
        hash::<(u8, Option<String>)>(),
        hash::<(Option<String>, u8)>(),
        hash::<[u8; 2]>(),
        hash::<Vec<u8>>(),
        hash::<cocaine::Bytes>(),
        hash::<String>(),
        hash::<BTreeMap<u8, u16>>(),
        hash::<BTreeMap<u16, u8>>(),
        hash::<Option<u8>>(),
        hash::<Option<Option<u8>>>(),
        hash::<u8>(),
    ];
    let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn enum_hash_covers_tags_and_variants() {
    macro_rules! enums {
        ($($name:ident [$($attribute:meta),*] $body:tt)*) => {
            $(#[derive(Serialize, Deserialize, Schema)] $(#[$attribute])* enum $name $body)*
        };
    }
    enums! {
        External [] { A, B { x: u8 } }
        Reordered [] { B { x: u8 }, A }
        Wrapped [] { A, B(Inner) }
        Internal [serde(tag = "t")] { A, B { x: u8 } }
        OtherTag [serde(tag = "u")] { A, B { x: u8 } }
        Adjacent [serde(tag = "t", content = "c")] { A, B { x: u8 } }
        Untagged [serde(untagged)] { A, B { x: u8 } }
        RenamedUntagged [serde(untagged)] { C, D { x: u8 } }
        Renamed [] { A, C { x: u8 } }
    }
    #[derive(Serialize, Deserialize, Schema)]
    struct Inner {
        x: u8,
    }
    assert_eq!(hash::<External>(), hash::<Reordered>());
    assert_eq!(hash::<External>(), hash::<Wrapped>(), "the fields travel alike");
    assert_eq!(hash::<Untagged>(), hash::<RenamedUntagged>(), "these names do not travel");
    let hashes = [
        hash::<External>(),
        hash::<Internal>(),
        hash::<OtherTag>(),
        hash::<Adjacent>(),
        hash::<Untagged>(),
        hash::<Renamed>(),
    ];
    let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn recursive_types_have_hashes() {
    macro_rules! structs {
        ($($name:ident { $($field:ident: $type:ty),* })*) => {
            $(#[derive(Serialize, Deserialize, Schema)] struct $name { $($field: $type),* })*
        };
    }
    structs! {
        List { head: u8, tail: Option<Box<List>> }
        Same { head: Byte, tail: Option<Box<Same>> }
        Wider { head: u16, tail: Option<Box<Wider>> }
        Unrolled { head: u8, tail: Option<Box<Second>> }
        Second { head: u8, tail: Option<Box<Unrolled>> }
        Mixed { head: u8, tail: Option<Box<MixedSecond>> }
        MixedSecond { head: u16, tail: Option<Box<Mixed>> }
    }
    #[derive(Serialize, Deserialize, Schema)]
    struct Byte(u8);
    #[derive(Serialize, Deserialize, Schema)]
    struct Tree(Vec<Tree>);
    #[derive(Serialize, Deserialize, Schema)]
    struct OtherTree(Vec<OtherTree>);
    assert_eq!(hash::<List>(), hash::<Same>());
    assert_eq!(hash::<List>(), hash::<Unrolled>(), "nobody can tell them apart");
    assert_eq!(hash::<Tree>(), hash::<OtherTree>());
    let hashes = [hash::<List>(), hash::<Wider>(), hash::<Mixed>(), hash::<MixedSecond>(), hash::<Tree>()];
    let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

/// A chain of structs, each of which has the next as a field, and the last a field of type `end`.
fn chain(len: usize, end: &Type) -> TypeSchema {
    let mut types = BTreeMap::new();
    for index in 0..len {
        let next = if index + 1 == len { end.clone() } else { Type::Named(format!("t{}", index + 1)) };
        let fields = vec![Field::new(format!("f{index}"), next)];
        let shape = Shape::Struct(StructDefinition { fields, deny_unknown_fields: false });
        types.insert(format!("t{index}"), Definition { doc: String::new(), shape });
    }
    TypeSchema { root: Type::Named("t0".to_owned()), types }
}

#[test]
fn deep_difference_is_in_the_hash() {
    for len in [1, 2, 3, 10, 100] {
        assert_ne!(chain(len, &Type::U8).hash(), chain(len, &Type::U16).hash(), "{len}");
        assert_ne!(chain(len, &Type::U8).hash(), chain(len + 1, &Type::U8).hash(), "{len}");
    }
}

#[test]
fn foreign_schema_cannot_exhaust_the_hash() {
    // Each of these would take for ever, or the stack, if names were followed one by one.
    assert_ne!(chain(1000, &Type::U8).hash(), 0);
    let everything = |name: &str| {
        let all = (0..100).map(|index| Type::Named(format!("t{index}"))).collect();
        (name.to_owned(), Definition { doc: String::new(), shape: Shape::Newtype(Type::Tuple(all)) })
    };
    let types = (0..100).map(|index| everything(&format!("t{index}"))).collect();
    let knot = TypeSchema { root: Type::Named("t0".to_owned()), types };
    assert_eq!(knot.hash(), TypeSchema { root: Type::Named("t99".to_owned()), ..knot.clone() }.hash());
    let dangling = TypeSchema { root: Type::Named("nothing".to_owned()), types: BTreeMap::new() };
    assert_eq!(dangling.hash(), TypeSchema { root: Type::Opaque, types: BTreeMap::new() }.hash());
    let long = Type::Array(Box::new(Type::U8), usize::MAX);
    TypeSchema { root: long, types: BTreeMap::new() }.hash();
}

#[test]
fn hash_is_the_same_in_every_version() {
    assert_eq!(format!("{:016x}", hash::<Base>()), "0a97383c23ddf4cc");
}
