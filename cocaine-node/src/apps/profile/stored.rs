//! Stored maps, and how the original says that one of their values is of the wrong type.

use cocaine::{Error, Result, Value, msgpack};

use crate::errno::invalid_argument;

const TEXT: &str = "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
const MAP: &str = "cocaine::detail::dynamic::incomplete_wrapper<cocaine::dynamic_t::object_t>";

/// Reads the map in `blob`; `what` names it where it is no `MessagePack`. Its keys are sorted, as the original has them.
pub(crate) fn read(blob: &[u8], what: &str) -> Result<Value> {
    let mut value: Value = msgpack::from_slice(blob)
        .map_err(|error| invalid_argument(&format!("the {what} is unreadable, {error}")))?;
    sort(&mut value);
    map(&value).map(drop)?;
    Ok(value)
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(sort),
        Value::Map(entries) => {
            for (_, value) in &mut *entries {
                sort(value);
            }
            entries.sort_by(|(left, _), (right, _)| left.as_bytes().cmp(&right.as_bytes()));
        }
        _ => {}
    }
}

pub(crate) fn map(value: &Value) -> Result<&[(Value, Value)]> {
    value.as_map().ok_or_else(|| mistyped(MAP, value))
}

pub(crate) fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| mistyped(TEXT, value))
}

pub(crate) fn boolean(value: &Value) -> Result<bool> {
    value.as_bool().ok_or_else(|| mistyped("bool", value))
}

/// Returns a number of things. A negative one stands for as many as there can be, as in the original, where it wraps.
pub(crate) fn count(value: &Value) -> Result<u32> {
    match value {
        Value::UInt(number) => Ok(u32::try_from(*number).unwrap_or(u32::MAX)),
        Value::Int(_) => Ok(u32::MAX),
        other => Err(mistyped("unsigned long", other)),
    }
}

/// Returns a float; any integer will do.
pub(crate) fn float(value: &Value) -> Result<f64> {
    #[expect(clippy::cast_precision_loss, reason = "it is a number of seconds")]
    match value {
        Value::Float(number) => Ok(*number),
        Value::UInt(number) => Ok(*number as f64),
        Value::Int(number) => Ok(*number as f64),
        other => Err(mistyped("double", other)),
    }
}

fn mistyped(expected: &str, found: &Value) -> Error {
    let found = match found {
        Value::Bool(value) => u8::from(*value).to_string(),
        other => other.to_string(),
    };
    invalid_argument(&format!("failed to get node value as {expected} - got {found}"))
}
