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
    as_map(&value)?;
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

pub(super) fn as_map(value: &Value) -> Result<&[(Value, Value)]> {
    value.as_map().ok_or_else(|| mistyped(MAP, value))
}

pub(super) fn as_string(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| mistyped(STRING, value))
}

pub(super) fn as_bool(value: &Value) -> Result<bool> {
    value.as_bool().ok_or_else(|| mistyped("bool", value))
}

/// Returns a count. A negative one means the largest, as in the original, where it wraps around.
pub(super) fn as_count(value: &Value) -> Result<u32> {
    match value {
        Value::UInt(number) => Ok(u32::try_from(*number).unwrap_or(u32::MAX)),
        Value::Int(_) => Ok(u32::MAX),
        other => Err(mistyped("unsigned long", other)),
    }
}

/// Returns a float, also from an integer.
pub(super) fn as_float(value: &Value) -> Result<f64> {
    #[expect(clippy::cast_precision_loss, reason = "seconds are not that exact")]
    match value {
        Value::Float(number) => Ok(*number),
        Value::UInt(number) => Ok(*number as f64),
        Value::Int(number) => Ok(*number as f64),
        other => Err(mistyped("double", other)),
    }
}

/// Returns the original's error for a value of the wrong type.
fn mistyped(expected: &str, found: &Value) -> Error {
    let found = match found {
        Value::Bool(value) => u8::from(*value).to_string(),
        other => other.to_string(),
    };
    invalid_argument(&format!("failed to get node value as {expected} - got {found}"))
}
