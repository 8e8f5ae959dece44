//! Reads stored maps, with the original's texts for values of the wrong type.

use bytes::Bytes;
use cocaine::{Error, ErrorKind, Result, Value, msgpack};

use crate::{
    errno::{self, Errno, invalid_argument},
    store::{Store, StoreError},
};

/// The largest map in bytes. Profiles, manifests and runlists of a hundred apps take a few thousand.
const MAX_BYTES: usize = 1 << 20;

/// How much memory a map may take beyond its encoding.
const MAX_DECODED_BYTES: usize = 4 << 20;

/// How many bytes of a value an error shows.
const MAX_SHOWN_VALUE: usize = 1000;

/// The name of a string in the original.
const STRING: &str = "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
/// The name of a map in the original.
const MAP: &str = "cocaine::detail::dynamic::incomplete_wrapper<cocaine::dynamic_t::object_t>";

/// Reads the stored bytes of a map. One that is too large is refused and not read.
pub(crate) fn load(store: &Store, collection: &str, key: &str) -> Result<Bytes> {
    let snapshot = store.snapshot().map_err(StoreError::into_service_error)?;
    let bytes = snapshot.blob_len(collection, key).map_err(StoreError::into_service_error)?;
    if bytes > MAX_BYTES {
        return Err(too_large(&format!("{collection}/{key} has {bytes} bytes, and may have {MAX_BYTES}")));
    }
    snapshot.read(collection, key).map_err(StoreError::into_service_error)
}

/// Decodes a map and sorts its keys, as the original does. `what` names it in the error for invalid `MessagePack`.
pub(super) fn decode_map(blob: &[u8], what: &str) -> Result<Value> {
    let mut value: Value =
        msgpack::from_slice_within(blob, MAX_DECODED_BYTES).map_err(|error| match error.kind() {
            ErrorKind::LimitExceeded(_) => too_large(&format!(
                "the {what} has too many fields: they take more than {MAX_DECODED_BYTES} bytes of memory"
            )),
            _ => invalid_argument(&format!("the {what} is unreadable, {error}")),
        })?;
    sort(&mut value);
    as_map(what, &value)?;
    Ok(value)
}

fn too_large(text: &str) -> Error {
    errno::error(Errno::FBIG, format!("{text}: File too large"))
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

/// Returns a map. `key` names the value in the error for another type, here and in the other functions.
pub(super) fn as_map<'a>(key: &str, value: &'a Value) -> Result<&'a [(Value, Value)]> {
    value.as_map().ok_or_else(|| mistyped(key, value, MAP, "a map"))
}

pub(super) fn as_string(key: &str, value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| mistyped(key, value, STRING, "a string"))
}

pub(super) fn as_bool(key: &str, value: &Value) -> Result<bool> {
    value.as_bool().ok_or_else(|| mistyped(key, value, "bool", "true or false"))
}

/// Returns a count. A negative one means the largest, as in the original, where it wraps around.
pub(super) fn as_count(key: &str, value: &Value) -> Result<u32> {
    match value {
        Value::UInt(number) => Ok(u32::try_from(*number).unwrap_or(u32::MAX)),
        Value::Int(_) => Ok(u32::MAX),
        other => Err(mistyped(key, other, "unsigned long", "a whole number")),
    }
}

/// Returns a number of seconds, also from an integer.
pub(super) fn as_seconds(key: &str, value: &Value) -> Result<f64> {
    #[expect(clippy::cast_precision_loss, reason = "seconds are not that exact")]
    match value {
        Value::Float(number) => Ok(*number),
        Value::UInt(number) => Ok(*number as f64),
        Value::Int(number) => Ok(*number as f64),
        other => Err(mistyped(key, other, "double", "a number of seconds")),
    }
}

/// Returns the error for a value of the wrong type: the original's words, then which key has it and what it must be.
fn mistyped(key: &str, found: &Value, original: &str, expected: &str) -> Error {
    let shown = shorten(found.to_string());
    let got = match found {
        Value::Bool(value) => u8::from(*value).to_string(),
        _ => shown.clone(),
    };
    let error = invalid_argument(&format!("failed to get node value as {original} - got {got}"));
    errno::append_text(error, &format!("`{key}` is {shown} and must be {expected}"))
}

/// Returns the start of a text.
fn shorten(mut text: String) -> String {
    if text.len() > MAX_SHOWN_VALUE {
        text.truncate(text.floor_char_boundary(MAX_SHOWN_VALUE));
        text.push('…');
    }
    text
}
