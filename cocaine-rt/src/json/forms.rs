//! Conversion of values to JSON and back.
//!
//! | value | JSON |
//! |---|---|
//! | nil, booleans, integers, lists | the same |
//! | a float | a number with a fraction or an exponent (`1.0`); `{"$float": "NaN"}`, `"inf"` or `"-inf"` if it is not finite |
//! | text | a string |
//! | bytes that are not text | `{"$bytes": "…"}`, in base64 |
//! | a map with distinct keys that are text | an object |
//! | any other map, and one that could be mistaken for a form in this table | `{"$map": [[key, value], …]}` |

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use crate::wire::value::Value;

const BYTES: &str = "$bytes";
const FLOAT: &str = "$float";
const MAP: &str = "$map";

/// A value that serializes as JSON.
#[derive(Debug)]
pub struct AsJson<'a>(pub &'a Value);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Nil => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::UInt(value) => serializer.serialize_u64(*value),
            Value::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::Float(value) => serialize_form(serializer, FLOAT, &value.to_string()),
            Value::Raw(raw) => match raw.as_str() {
                Some(text) => serializer.serialize_str(text),
                None => serialize_form(serializer, BYTES, &STANDARD.encode(raw)),
            },
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&AsJson(item)))?;
                list.end()
            }
            Value::Map(entries) => serialize_map(entries, serializer),
        }
    }
}

fn serialize_map<S: Serializer>(entries: &[(Value, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    let Some(names) = object_names(entries) else {
        let pairs: Vec<_> = entries.iter().map(|(key, value)| (AsJson(key), AsJson(value))).collect();
        return serialize_form(serializer, MAP, &pairs);
    };
    let mut object = serializer.serialize_map(Some(entries.len()))?;
    for (name, (_, value)) in names.iter().zip(entries) {
        object.serialize_entry(name, &AsJson(value))?;
    }
    object.end()
}

fn serialize_form<S: Serializer>(
    serializer: S,
    name: &str,
    content: &impl Serialize,
) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(Some(1))?;
    object.serialize_entry(name, content)?;
    object.end()
}

/// Returns the keys of a map that can be written as an object.
fn object_names(entries: &[(Value, Value)]) -> Option<Vec<&str>> {
    let names: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect::<Option<_>>()?;
    let ambiguous = names.len() == 1 && names[0].starts_with('$');
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let repeated = sorted.windows(2).any(|pair| pair[0] == pair[1]);
    (!ambiguous && !repeated).then_some(names)
}

/// Returns the value whose texts, numbers, lists and maps are what [`AsJson`] writes.
pub fn write_forms(value: &Value) -> Value {
    let form = |name: &str, content: Value| Value::Map(vec![(name.into(), content)]);
    match value {
        Value::Float(number) if !number.is_finite() => form(FLOAT, number.to_string().into()),
        Value::Raw(raw) if raw.as_str().is_none() => form(BYTES, STANDARD.encode(raw).into()),
        Value::Array(items) => Value::Array(items.iter().map(write_forms).collect()),
        Value::Map(entries) if object_names(entries).is_none() => {
            let pair = |(key, value)| Value::Array(vec![write_forms(key), write_forms(value)]);
            form(MAP, Value::Array(entries.iter().map(|(key, value)| pair((key, value))).collect()))
        }
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), write_forms(value))).collect())
        }
        plain => plain.clone(),
    }
}

/// Replaces the forms in a value that was parsed from JSON by the values that they stand for.
///
/// # Errors
/// A text that says what is wrong with a form.
pub fn resolve_forms(value: Value) -> Result<Value, String> {
    match value {
        Value::Array(items) => {
            items.into_iter().map(resolve_forms).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Map(entries) => match <[_; 1]>::try_from(entries) {
            Ok([(key, content)]) => match key.as_str() {
                Some(BYTES) => parse_bytes(&content),
                Some(FLOAT) => parse_float(&content),
                Some(MAP) => parse_map(content),
                _ => Ok(Value::Map(vec![(key, resolve_forms(content)?)])),
            },
            Err(entries) => {
                let resolved = entries.into_iter().map(|(key, content)| Ok((key, resolve_forms(content)?)));
                resolved.collect::<Result<_, _>>().map(Value::Map)
            }
        },
        plain => Ok(plain),
    }
}

fn parse_bytes(content: &Value) -> Result<Value, String> {
    let decoded = content.as_str().and_then(|text| STANDARD.decode(text).ok());
    decoded
        .map(|bytes| Value::from(bytes.as_slice()))
        .ok_or_else(|| format!("{{\"{BYTES}\": {content}}} is not base64"))
}

fn parse_float(content: &Value) -> Result<Value, String> {
    let read = content.as_str().and_then(|text| text.parse::<f64>().ok());
    read.map(Value::Float).ok_or_else(|| format!("{{\"{FLOAT}\": {content}}} is not a float as text"))
}

fn parse_map(content: Value) -> Result<Value, String> {
    let wrong = || format!("{{\"{MAP}\": …}} is not a list of pairs");
    let Value::Array(pairs) = content else { return Err(wrong()) };
    let pair = |pair| match pair {
        Value::Array(pair) => {
            let [key, value] = <[Value; 2]>::try_from(pair).map_err(|_| wrong())?;
            Ok((resolve_forms(key)?, resolve_forms(value)?))
        }
        _ => Err(wrong()),
    };
    pairs.into_iter().map(pair).collect::<Result<_, _>>().map(Value::Map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(value: &Value) -> String {
        serde_json::to_string(&AsJson(value)).unwrap()
    }

    fn read(text: &str) -> Result<Value, String> {
        resolve_forms(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn each_value_round_trips() {
        let text = |text: &str| Value::from(text);
        let bytes = Value::from(&[0xff_u8, 0][..]);
        for (value, json) in [
            (Value::Nil, "null"),
            (true.into(), "true"),
            (u64::MAX.into(), "18446744073709551615"),
            (i64::MIN.into(), "-9223372036854775808"),
            (1.0.into(), "1.0"),
            (f64::INFINITY.into(), r#"{"$float":"inf"}"#),
            (f64::NEG_INFINITY.into(), r#"{"$float":"-inf"}"#),
            (text("caf\u{e9}\n"), "\"caf\u{e9}\\n\""),
            (bytes.clone(), r#"{"$bytes":"/wA="}"#),
            (Value::Array(vec![1_u8.into(), bytes.clone()]), r#"[1,{"$bytes":"/wA="}]"#),
            (Value::Map(vec![]), "{}"),
            (
                Value::Map(vec![(text("b"), 1_u8.into()), (text("a"), Value::Map(vec![]))]),
                r#"{"b":1,"a":{}}"#,
            ),
            (Value::Map(vec![(1_u8.into(), text("one"))]), r#"{"$map":[[1,"one"]]}"#),
            (Value::Map(vec![(bytes, Value::Nil)]), r#"{"$map":[[{"$bytes":"/wA="},null]]}"#),
            (
                Value::Map(vec![(text("a"), 1_u8.into()), (text("a"), 2_u8.into())]),
                r#"{"$map":[["a",1],["a",2]]}"#,
            ),
            (Value::Map(vec![(text(BYTES), text("x"))]), r#"{"$map":[["$bytes","x"]]}"#),
            (
                Value::Map(vec![(text(BYTES), text("x")), (text("y"), Value::Nil)]),
                r#"{"$bytes":"x","y":null}"#,
            ),
        ] {
            assert_eq!(write(&value), json);
            assert_eq!(read(json).unwrap(), value, "{json}");
        }
        let Value::Float(nan) = read(r#"{"$float":"NaN"}"#).unwrap() else { panic!("a float") };
        assert!(nan.is_nan() && write(&Value::Float(nan)) == r#"{"$float":"NaN"}"#);
    }

    #[test]
    fn malformed_forms_are_refused() {
        for (json, word) in [
            (r#"{"$bytes":"a b"}"#, "base64"),
            (r#"{"$bytes":1}"#, "base64"),
            (r#"[{"$float":"much"}]"#, "float"),
            (r#"{"$map":{}}"#, "pairs"),
            (r#"{"$map":[["a"]]}"#, "pairs"),
            (r#"{"a":{"$map":[1]}}"#, "pairs"),
        ] {
            assert!(read(json).unwrap_err().contains(word), "{json}");
        }
    }
}
