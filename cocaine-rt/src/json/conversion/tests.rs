use crate::{Schema, msgpack, schema::TypeSchema};
use proptest::{prelude::*, test_runner::Config};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};

use super::*;

/// A schema with these definitions.
fn schema(types: &Json) -> AppSchema {
    serde_json::from_value(json!({"schema": 1, "types": types})).unwrap()
}

fn to_payload(schema: &AppSchema, ty: &Type, json: &Json) -> Result<Value, String> {
    let value: Value = serde_json::from_value(json.clone()).unwrap();
    let converted = Conversion::new(schema, ConversionDirection::ToPayload).convert(ty, &value);
    converted.map_err(|misfit| misfit.to_string())
}

fn to_json(schema: &AppSchema, ty: &Type, value: &Value) -> Result<Json, String> {
    let converted = Conversion::new(schema, ConversionDirection::ToJson).convert(ty, value);
    let converted = converted.map_err(|misfit| misfit.to_string())?;
    Ok(serde_json::to_value(PlainJson(&converted)).unwrap())
}

fn parsed(ty: &str) -> Type {
    serde_json::from_str(ty).unwrap()
}

#[test]
fn each_scalar_has_its_json() {
    let schema = AppSchema::default();
    for (ty, value, json) in [
        (r#""unit""#, Value::Nil, json!(null)),
        (r#""bool""#, true.into(), json!(true)),
        (r#""u8""#, 255_u8.into(), json!(255)),
        (r#""i8""#, (-128_i8).into(), json!(-128)),
        (r#""u64""#, 9_007_199_254_740_991_u64.into(), json!(9_007_199_254_740_991_u64)),
        (r#""u64""#, u64::MAX.into(), json!("18446744073709551615")),
        (r#""i64""#, i64::MIN.into(), json!("-9223372036854775808")),
        (r#"{"non_zero": "u16"}"#, 7_u8.into(), json!(7)),
        (r#""f64""#, 0.5.into(), json!(0.5)),
        (r#""f64""#, f64::INFINITY.into(), json!({"$float": "inf"})),
        (r#""char""#, "\u{20ac}".into(), json!("\u{20ac}")),
        (r#""text""#, "a".into(), json!("a")),
        (r#""bytes""#, Value::from(&b"\xff\0"[..]), json!("/wA=")),
        (r#"{"option": "u8"}"#, Value::Nil, json!(null)),
        (r#"{"option": {"option": "u8"}}"#, 1_u8.into(), json!(1)),
        (r#"{"array": ["u8", 2]}"#, Value::Array(vec![1_u8.into(), 2_u8.into()]), json!([1, 2])),
        (r#"{"tuple": ["u8", "text"]}"#, Value::Array(vec![1_u8.into(), "x".into()]), json!([1, "x"])),
        (r#""any""#, Value::from(&b"\xff"[..]), json!({"$bytes": "/w=="})),
        (r#""opaque""#, Value::Map(vec![(1_u8.into(), Value::Nil)]), json!({"$map": [[1, null]]})),
        (r#"{"map": ["text", "u8"]}"#, Value::Map(vec![("$a".into(), 1_u8.into())]), json!({"$a": 1})),
        (r#"{"map": ["i8", "u8"]}"#, Value::Map(vec![((-1_i8).into(), 1_u8.into())]), json!({"-1": 1})),
        (r#"{"map": ["bool", "u8"]}"#, Value::Map(vec![(true.into(), 1_u8.into())]), json!({"true": 1})),
        (
            r#"{"map": [{"tuple": ["u8"]}, "u8"]}"#,
            Value::Map(vec![(Value::Array(vec![2_u8.into()]), 1_u8.into())]),
            json!([[[2], 1]]),
        ),
    ] {
        let ty = parsed(ty);
        assert_eq!(to_json(&schema, &ty, &value).unwrap(), json, "{ty}");
        assert_eq!(to_payload(&schema, &ty, &json).unwrap(), value, "{ty}");
    }
}

#[test]
fn other_forms_are_read_too() {
    let schema = schema(&json!({"Unit": {"shape": "unit_struct"}}));
    let numbers = Value::Array(vec![1_u8.into(), 2_u8.into()]);
    assert_eq!(to_payload(&schema, &Type::U64, &json!("12")).unwrap(), 12_u8.into());
    assert_eq!(to_payload(&schema, &Type::F64, &json!(2)).unwrap(), 2.0.into());
    assert_eq!(to_payload(&schema, &Type::Bytes, &json!("/w")).unwrap(), Value::from(&b"\xff"[..]));
    let unit = Type::Named("Unit".into());
    for json in [json!(null), json!([])] {
        assert_eq!(to_payload(&schema, &unit, &json).unwrap(), Value::Array(vec![]));
    }
    assert_eq!(to_json(&schema, &unit, &Value::Array(vec![])).unwrap(), json!(null));
    assert_eq!(to_json(&schema, &Type::F32, &f64::from(0.1_f32).into()).unwrap(), json!(0.1));
    assert_eq!(to_json(&schema, &Type::Bytes, &numbers).unwrap(), json!("AQI="));
    assert_eq!(to_json(&schema, &parsed(r#"{"list": "u8"}"#), &(&b"\x01"[..]).into()).unwrap(), json!([1]));
    assert_eq!(to_json(&schema, &Type::F64, &3_u8.into()).unwrap(), json!(3.0));
}

#[test]
fn value_of_another_type_is_refused_with_path() {
    let schema = schema(&json!({
        "Link": {"shape": {"struct": {"fields": [
            {"name": "slug", "type": "text"},
            {"name": "hits", "type": {"list": "u8"}, "read": "sometimes"},
        ], "deny_unknown_fields": true}}},
        "Kind": {"shape": {"enum": {"variants": [{"name": "A"}, {"name": "B", "content": {"newtype": "u8"}}]}}},
    }));
    for (ty, json, words) in [
        (r#""u8""#, json!(256), "expected u8, found 256"),
        (r#""u8""#, json!("1"), "expected u8, found \"1\""),
        (r#""u64""#, json!("1.5"), "expected u64"),
        (r#""u8""#, json!(1.5), "expected u8, found 1.5"),
        (r#"{"non_zero": "u8"}"#, json!(0), "expected nonzero<u8>, found 0"),
        (r#""char""#, json!("ab"), "expected char"),
        (r#""bytes""#, json!("a b"), "expected bytes"),
        (r#"{"array": ["u8", 2]}"#, json!([1]), "expected 2 elements, found 1"),
        (r#"{"tuple": ["u8"]}"#, json!([]), "expected 1 elements, found 0"),
        (r#"{"map": ["u8", "u8"]}"#, json!({"x": 1}), "`x`: expected u8, found \"x\""),
        (r#"{"named": "Link"}"#, json!({"hits": []}), "`slug`: the field is missing"),
        (
            r#"{"named": "Link"}"#,
            json!({"slug": "a", "hits": [1, null]}),
            "`hits[1]`: expected u8, found null",
        ),
        (r#"{"named": "Link"}"#, json!({"slug": "a", "x": 1}), "`x`: `Link` has no such field"),
        (r#"{"named": "Kind"}"#, json!("C"), "`C`: Kind has no such variant, only A, B"),
        (r#"{"named": "Kind"}"#, json!("B"), "expected a variant with content"),
        (r#"{"named": "Kind"}"#, json!({"B": "x"}), "`B`: expected u8, found \"x\""),
    ] {
        let error = to_payload(&schema, &parsed(ty), &json).unwrap_err();
        assert!(error.contains(words), "{ty}: {error}");
    }
    let long = to_payload(&schema, &Type::U8, &json!("x".repeat(1 << 20))).unwrap_err();
    assert!(long.len() < 400, "{long}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Everything {
    id: u64,
    #[serde(rename = "type", alias = "kind")]
    text: String,
    #[serde(default)]
    ttl: Option<i32>,
    tags: BTreeMap<String, Vec<u16>>,
    by_number: BTreeMap<u8, bool>,
    #[serde(flatten)]
    place: Place,
    #[serde(flatten)]
    shape: Form,
    external: Vec<External>,
    adjacent: Adjacent,
    either: Either,
    next: Option<Box<Everything>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Tagged {
    name: String,
    #[serde(flatten)]
    place: Option<Place>,
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Place {
    lat: f64,
    lon: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(tag = "form")]
enum Form {
    Dot,
    Circle { radius: f64 },
    At(Place2),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Place2 {
    x: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
enum External {
    Unit,
    Newtype(u8),
    Tuple(u8, String),
    Struct { a: Option<u8> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    One(char),
    Fields { a: bool },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(untagged)]
enum Either {
    Number(i64),
    Text(String),
    Fields { either: Option<Box<Either>> },
}

fn everything(shape: Form, adjacent: Adjacent, either: Either) -> Everything {
    Everything {
        id: 1,
        text: "caf\u{e9}".into(),
        ttl: None,
        tags: [("$map".to_owned(), vec![1, 2])].into(),
        by_number: [(3, true)].into(),
        place: Place { lat: 0.5, lon: -1.0 },
        shape,
        external: vec![
            External::Unit,
            External::Newtype(1),
            External::Tuple(1, "t".into()),
            External::Struct { a: Some(1) },
        ],
        adjacent,
        either,
        next: None,
    }
}

/// Checks that a value has the JSON that serde gives it, and that it comes back from that.
fn check<T: Schema + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let TypeSchema { root, types } = TypeSchema::of::<T>();
    let schema = AppSchema { types, ..AppSchema::default() };
    let payload: Value = msgpack::from_slice(&msgpack::to_vec(value).unwrap()).unwrap();
    let json = to_json(&schema, &root, &payload).unwrap();
    assert_eq!(json, serde_json::to_value(value).unwrap());
    let back = to_payload(&schema, &root, &json).unwrap();
    let back: T = msgpack::from_slice(&msgpack::to_vec(&back).unwrap()).unwrap();
    assert_eq!(back, *value);
}

#[test]
fn structs_and_enums_are_as_serde_writes_them() {
    let inner = everything(Form::Dot, Adjacent::Unit, Either::Number(-1));
    let mut outer = everything(
        Form::Circle { radius: 1.5 },
        Adjacent::One('x'),
        Either::Fields { either: Some(Box::new(Either::Text("t".into()))) },
    );
    outer.next = Some(Box::new(inner));
    check(&outer);
    check(&everything(Form::At(Place2 { x: 5 }), Adjacent::Fields { a: true }, Either::Text(String::new())));
}

#[test]
fn flattened_map_has_the_other_fields() {
    for place in [None, Some(Place { lat: 0.5, lon: 0.25 })] {
        check(&Tagged { name: "n".into(), place, rest: [("more".to_owned(), "x".to_owned())].into() });
    }
}

#[test]
fn fields_are_read_by_alias_and_position() {
    let TypeSchema { root, types } = TypeSchema::of::<Aliased>();
    let schema = AppSchema { types, ..AppSchema::default() };
    let payload = to_payload(&schema, &root, &json!({"old": 1, "unknown": 2})).unwrap();
    assert_eq!(payload.to_string(), r#"{"new": 1}"#);
    let positional = Value::Array(vec![1_u8.into(), "n".into()]);
    assert_eq!(to_json(&schema, &root, &positional).unwrap(), json!({"new": 1, "note": "n"}));
    let twice = to_payload(&schema, &root, &json!({"old": 1, "new": 2})).unwrap_err();
    assert_eq!(twice, "`new`: the field is there twice");
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Aliased {
    #[serde(alias = "old")]
    new: u8,
    #[serde(default)]
    note: String,
}

#[test]
fn hostile_schema_ends_with_an_error() {
    let endless = schema(&json!({
        "Loop": {"shape": {"newtype": {"named": "Loop"}}},
        "Flat": {"shape": {"struct": {"fields": [{"name": "", "type": {"named": "Flat"}, "flatten": true}]}}},
        "Bush": {"shape": {"enum": {"tagging": "untagged", "variants": [
            {"name": "A", "content": {"newtype": {"list": {"named": "Bush"}}}},
            {"name": "B", "content": {"newtype": {"list": {"named": "Bush"}}}},
            {"name": "C", "content": {"newtype": {"list": {"named": "Bush"}}}},
        ]}}},
        "Tag": {"shape": {"enum": {"tagging": {"internal": {"tag": "t"}}, "variants": [
            {"name": "A", "content": {"newtype": {"named": "Tag"}}},
        ]}}},
    }));
    let named = |name: &str| Type::Named(name.into());
    let error = to_payload(&endless, &named("Loop"), &json!(1)).unwrap_err();
    assert!(error.contains("192 types"), "{error}");
    let error = to_payload(&endless, &named("Flat"), &json!({})).unwrap_err();
    assert!(error.contains("192 types"), "{error}");
    let error = to_payload(&endless, &named("Tag"), &json!({"t": "A"})).unwrap_err();
    assert!(error.contains("`t`: the field is missing"), "{error}");
    let deep = (0..60).fold(json!("x"), |inner, _| json!([inner]));
    let error = to_payload(&endless, &named("Bush"), &deep).unwrap_err();
    assert!(error.contains("too many steps"), "{error}");
}

#[test]
fn very_wide_enum_ends_with_an_error() {
    let mut variants: Vec<_> = (0..20_000).map(|number| json!({"name": format!("v{number}")})).collect();
    variants.push(json!({"name": "rest", "other": true}));
    let wide = schema(&json!({"Wide": {"shape": {"enum": {"variants": variants}}}}));
    let ty = Type::List(Box::new(Type::Named("Wide".into())));
    assert_eq!(to_payload(&wide, &ty, &json!(["v7", "new"])).unwrap().to_string(), r#"["v7", "new"]"#);
    let error = to_payload(&wide, &ty, &json!(vec!["new"; 10_000])).unwrap_err();
    assert!(error.contains("too many steps"), "{error}");
}

proptest! {
    #![proptest_config(Config::with_cases(256))]

    #[test]
    fn any_value_with_any_type_ends(ty in types(), json in jsons()) {
        let schema = AppSchema::default();
        if let Ok(payload) = to_payload(&schema, &ty, &json) {
            let back = to_json(&schema, &ty, &payload).unwrap();
            prop_assert_eq!(to_payload(&schema, &ty, &back).unwrap(), payload);
        }
    }
}

fn types() -> impl Strategy<Value = Type> {
    let leaves = [
        Type::Unit,
        Type::Bool,
        Type::U8,
        Type::I64,
        Type::U64,
        Type::F64,
        Type::Char,
        Type::Text,
        Type::Bytes,
        Type::Any,
    ];
    prop::sample::select(leaves.to_vec()).prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|of| Type::Option(Box::new(of))),
            inner.clone().prop_map(|of| Type::List(Box::new(of))),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Type::Tuple),
            (inner.clone(), inner).prop_map(|(key, of)| Type::Map(Box::new(key), Box::new(of))),
        ]
    })
}

fn jsons() -> impl Strategy<Value = Json> {
    let leaves = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (0_u8..9).prop_map(Json::from),
        (-1e9..1e9).prop_map(Json::from),
        "[a-zA-Z0-9+/]{0,4}".prop_map(Json::from),
    ];
    leaves.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map("[a-z0-9]{1,2}", inner, 0..3)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}
