//! Values of the wire as JSON, and back, without a loss but for secrets of recordings, and the order of keys elsewhere.
//!
//! Texts, numbers, lists and maps with texts as keys are themselves. The rest is an object with one key: `{"$bytes": "base64"}` for
//! bytes that are no text, `{"$value": …}` for bytes that are an encoded value, `{"$map": [[key, value], …]}` for other maps, and
//! `{"$float": "NaN"}`. A secret is `{"$left_out": true}`; that and `{"$any": true}` match whatever comes.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use cocaine::{Bytes, Value, msgpack};
use serde_json::{Map, Value as Json, json};

/// How deep encoded values are shown within encoded values.
const MAX_ENCODED_DEPTH: u32 = 4;

/// Names of headers of the wire and of HTTP whose values are secrets.
const SECRETS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Returns whether a header of this name has a secret.
pub(crate) fn is_secret(name: &[u8]) -> bool {
    SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

/// Returns the form of a value that was left out.
pub(crate) fn left_out() -> Json {
    json!({ "$left_out": true })
}

/// What the form of a value is for.
#[derive(Clone, Copy)]
enum Form {
    /// Without secrets, and with the order of keys as on the wire.
    Recording,
    /// With all values. The order of keys does not matter.
    Data,
}

/// Returns a value as JSON, without the secrets in it.
pub(crate) fn to_json(value: &Value) -> Json {
    Form::Recording.convert(value, MAX_ENCODED_DEPTH)
}

/// Returns a value as JSON with everything in it, in the order of its keys.
pub(crate) fn data_to_json(value: &Value) -> Json {
    Form::Data.convert(value, MAX_ENCODED_DEPTH)
}

impl Form {
    fn convert(self, value: &Value, depth: u32) -> Json {
        match value {
            Value::Nil => Json::Null,
            Value::Bool(value) => json!(value),
            Value::Int(value) => json!(value),
            Value::UInt(value) => json!(value),
            Value::Float(value) if value.is_finite() => json!(value),
            Value::Float(value) => json!({ "$float": value.to_string() }),
            Value::Raw(raw) => self.raw_to_json(raw, depth),
            Value::Array(items) => self.array_to_json(items, depth),
            Value::Map(entries) => self.map_to_json(entries, depth),
        }
    }

    /// Returns bytes as text, as the value that they encode, or in base64.
    fn raw_to_json(self, raw: &Bytes, depth: u32) -> Json {
        if let Some(text) = raw.as_str() {
            return json!(text);
        }
        match encoded_value(raw) {
            Some(value) if depth > 0 => json!({ "$value": self.convert(&value, depth - 1) }),
            _ => json!({ "$bytes": BASE64_STANDARD.encode(raw) }),
        }
    }

    /// Returns a list. One of a name of a secret and its value is a header.
    fn array_to_json(self, items: &[Value], depth: u32) -> Json {
        match items {
            [Value::Raw(name), Value::Raw(_)] if self.leaves_out(name) => {
                json!([self.convert(&items[0], depth), left_out()])
            }
            _ => items.iter().map(|item| self.convert(item, depth)).collect(),
        }
    }

    fn map_to_json(self, entries: &[(Value, Value)], depth: u32) -> Json {
        let mut object = Map::new();
        for (key, value) in entries {
            let Some(name) = key.as_str().filter(|name| !name.starts_with('$')) else {
                return self.pairs_to_json(entries, depth);
            };
            if object.insert(name.to_owned(), self.entry_to_json(key, value, depth)).is_some() {
                return self.pairs_to_json(entries, depth);
            }
        }
        // The order of the wire is that of the bytes.
        if matches!(self, Self::Recording)
            && object.keys().map(String::as_str).ne(entries.iter().filter_map(|(key, _)| key.as_str()))
        {
            return self.pairs_to_json(entries, depth);
        }
        Json::Object(object)
    }

    fn pairs_to_json(self, entries: &[(Value, Value)], depth: u32) -> Json {
        let pairs = entries
            .iter()
            .map(|(key, value)| json!([self.convert(key, depth), self.entry_to_json(key, value, depth)]));
        json!({ "$map": pairs.collect::<Vec<_>>() })
    }

    fn entry_to_json(self, key: &Value, value: &Value, depth: u32) -> Json {
        match key {
            Value::Raw(name) if self.leaves_out(name) => left_out(),
            _ => self.convert(value, depth),
        }
    }

    /// Returns whether the value of this name is a secret that is not shown.
    fn leaves_out(self, name: &[u8]) -> bool {
        matches!(self, Self::Recording) && is_secret(name)
    }
}

/// Returns the list or map that bytes are the encoding of, if they are exactly the encoding that this crate writes.
fn encoded_value(raw: &Bytes) -> Option<Value> {
    if !matches!(raw.first(), Some(0x80..=0x9f | 0xdc..=0xdf)) {
        return None;
    }
    let value: Value = msgpack::from_slice(raw).ok()?;
    (msgpack::to_vec(&value).ok()?.as_slice() == raw.as_ref()).then_some(value)
}

/// Returns the value of a form that [`to_json`] writes. What was left out is an empty text.
///
/// # Errors
/// An object with a key that begins with `$` is none of these forms.
pub(crate) fn from_json(json: &Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number_value(number),
        Json::String(text) => Value::Raw(text.clone().into()),
        Json::Array(items) => Value::Array(items.iter().map(from_json).collect::<Result<_, _>>()?),
        Json::Object(object) => match object.iter().next() {
            Some((key, form)) if key.starts_with('$') && object.len() == 1 => special_value(key, form)?,
            _ => {
                let entries =
                    object.iter().map(|(key, value)| Ok((Value::from(key.as_str()), from_json(value)?)));
                Value::Map(entries.collect::<Result<_, String>>()?)
            }
        },
    })
}

fn number_value(number: &serde_json::Number) -> Value {
    match (number.as_u64(), number.as_i64()) {
        (Some(value), _) => Value::UInt(value),
        (None, Some(value)) => Value::Int(value),
        (None, None) => Value::Float(number.as_f64().unwrap_or_default()),
    }
}

fn special_value(key: &str, form: &Json) -> Result<Value, String> {
    let unknown = || format!("`{{\"{key}\": {form}}}` is no form of a value");
    match (key, form) {
        ("$bytes", Json::String(text)) => {
            let bytes = BASE64_STANDARD.decode(text).map_err(|error| format!("`$bytes`: {error}"))?;
            Ok(Value::Raw(bytes.into()))
        }
        ("$value", value) => {
            let encoded = msgpack::to_vec(&from_json(value)?).map_err(|error| error.to_string())?;
            Ok(Value::Raw(encoded.into()))
        }
        ("$float", Json::String(text)) => text.parse().map(Value::Float).map_err(|_| unknown()),
        ("$left_out" | "$any", Json::Bool(true)) => Ok(Value::Raw(Bytes::new())),
        ("$map", Json::Array(pairs)) => {
            let entries = pairs.iter().map(|pair| match pair.as_array().map(Vec::as_slice) {
                Some([key, value]) => Ok((from_json(key)?, from_json(value)?)),
                _ => Err(unknown()),
            });
            Ok(Value::Map(entries.collect::<Result<_, _>>()?))
        }
        _ => Err(unknown()),
    }
}

/// Returns whether a value is one that `pattern` stands for.
pub(crate) fn matches(pattern: &Json, json: &Json) -> bool {
    match (pattern, json) {
        (Json::Object(object), _) if object.contains_key("$any") || object.contains_key("$left_out") => true,
        (Json::Array(patterns), Json::Array(items)) => {
            patterns.len() == items.len()
                && patterns.iter().zip(items).all(|(pattern, item)| matches(pattern, item))
        }
        (Json::Object(patterns), Json::Object(object)) => {
            patterns.len() == object.len()
                && patterns
                    .iter()
                    .all(|(key, pattern)| object.get(key).is_some_and(|item| matches(pattern, item)))
        }
        _ => pattern == json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(bytes: impl Into<Bytes>) -> Value {
        Value::Raw(bytes.into())
    }

    #[test]
    fn values_survive_their_form() {
        let nested = msgpack::to_vec(&Value::Array(vec![raw("a"), raw(vec![0xff, 0x00])])).unwrap();
        for value in [
            Value::Nil,
            Value::Bool(true),
            Value::Int(-5),
            Value::UInt(u64::MAX),
            Value::Float(2.0),
            Value::Float(f64::NEG_INFINITY),
            raw("text \u{1b}"),
            raw(vec![0xff, 0xfe]),
            raw(nested),
            Value::Array(vec![Value::Nil, Value::UInt(1)]),
            Value::Map(vec![(raw("a"), Value::UInt(1)), (raw("b"), Value::Nil)]),
            Value::Map(vec![(raw("b"), Value::UInt(1)), (raw("a"), Value::Nil)]),
            Value::Map(vec![(raw("a"), Value::UInt(1)), (raw("a"), Value::Nil)]),
            Value::Map(vec![(raw("$any"), Value::Bool(true))]),
            Value::Map(vec![(Value::UInt(1), raw("one"))]),
            Value::Map(Vec::new()),
        ] {
            let json = to_json(&value);
            assert_eq!(from_json(&json).unwrap(), value, "{json}");
        }
    }

    #[test]
    fn encoded_values_are_readable() {
        let encoded = msgpack::to_vec(&Value::Array(vec![Value::UInt(1), raw("one")])).unwrap();
        assert_eq!(to_json(&raw(encoded)), json!({ "$value": [1, "one"] }));
        // An integer that is written longer than needed would come back shorter.
        assert_eq!(to_json(&raw(vec![0x91, 0xcc, 0x01])), json!({ "$bytes": "kcwB" }));
    }

    #[test]
    fn deeply_encoded_values_end_as_bytes() {
        let mut value = raw(vec![0xff]);
        for _ in 0..50 {
            value = raw(msgpack::to_vec(&Value::Array(vec![value])).unwrap());
        }
        let text = to_json(&value).to_string();
        assert_eq!(text.matches("$value").count(), 4);
        assert_eq!(from_json(&to_json(&value)).unwrap(), value);
    }

    #[test]
    fn secrets_are_left_out() {
        let headers = Value::Array(vec![
            Value::Array(vec![raw("Authorization"), raw("Bearer abc")]),
            Value::Array(vec![raw("Accept"), raw("*/*")]),
        ]);
        let request = Value::Array(vec![raw("GET"), headers, Value::Map(vec![(raw("cookie"), raw("abc"))])]);
        let chunk = raw(msgpack::to_vec(&request).unwrap());
        for value in [request, chunk] {
            let text = to_json(&value).to_string();
            assert!(!text.contains("abc") && text.contains("Accept"), "{text}");
        }
    }

    #[test]
    fn data_is_shown_with_its_secrets() {
        let value = Value::Map(vec![(raw("cookie"), raw("abc")), (raw("a"), Value::UInt(1))]);
        assert_eq!(data_to_json(&value), json!({ "a": 1, "cookie": "abc" }));
    }

    #[test]
    fn patterns_match_what_they_stand_for() {
        let value = json!(["a", { "b": 1 }]);
        for (pattern, expected) in [
            (json!(["a", { "b": 1 }]), true),
            (json!(["a", { "b": { "$any": true } }]), true),
            (json!(["a", { "$left_out": true }]), true),
            (json!(["a", { "b": 2 }]), false),
            (json!(["a"]), false),
            (json!(["a", { "b": 1, "c": 2 }]), false),
        ] {
            assert_eq!(matches(&pattern, &value), expected, "{pattern}");
        }
    }

    #[test]
    fn unknown_forms_are_named() {
        for json in [json!({ "$byte": "aa" }), json!({ "$bytes": "!" }), json!({ "$map": [[1]] })] {
            assert!(from_json(&json).is_err(), "{json}");
        }
    }
}
