//! The chunks of events: [`Bytes`] are the chunk as it is, anything else is a payload (`protocol.md` 3.4).

use std::{
    any::{Any, TypeId},
    mem,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    protocol::{error::Result, msgpack},
    wire::{
        bytes::Bytes,
        decode::{self, DecodeError},
    },
};

/// Decodes the value of `chunk`, which is moved if it is the value, and else stays as it is.
#[inline]
pub(crate) fn read<T: DeserializeOwned + 'static>(chunk: &mut Bytes) -> Result<T, DecodeError> {
    read_from(chunk, decode::MAX_DECODED_BYTES)
}

/// Decodes the value of `chunk`, which may take `max_decoded_bytes` beyond its encoding.
#[inline]
pub(crate) fn read_within<T: DeserializeOwned + 'static>(
    mut chunk: Bytes,
    max_decoded_bytes: usize,
) -> Result<T, DecodeError> {
    read_from(&mut chunk, max_decoded_bytes)
}

#[inline]
fn read_from<T: DeserializeOwned + 'static>(
    chunk: &mut Bytes,
    max_decoded_bytes: usize,
) -> Result<T, DecodeError> {
    if TypeId::of::<T>() == TypeId::of::<Bytes>() {
        let mut bytes = Some(mem::take(chunk));
        let same = (&mut bytes as &mut dyn Any).downcast_mut::<Option<T>>().and_then(Option::take);
        if let Some(bytes) = same {
            return Ok(bytes);
        }
    }
    decode::value_within(chunk.handle(), chunk, max_decoded_bytes)
}

/// Decodes the value of the chunk in the arguments of a message, like [`read_within`]. The arguments are shared only by
/// [`Bytes`], since to share them can take an allocation.
#[inline]
pub(crate) fn read_args<T: DeserializeOwned + 'static>(
    args: &bytes::Bytes,
    max_decoded_bytes: usize,
) -> Result<T, DecodeError> {
    let (chunk,) = decode::args::<(&[u8],)>(args)?;
    if TypeId::of::<T>() == TypeId::of::<Bytes>() {
        return read_within(args.slice_ref(chunk).into(), max_decoded_bytes);
    }
    decode::value_within(args, chunk, max_decoded_bytes)
}

/// Returns the value that the absence of a chunk stands for, if `T` has one: `()`.
#[inline]
pub(crate) fn read_absent<T: 'static>() -> Option<T> {
    (&mut Some(()) as &mut dyn Any).downcast_mut::<Option<T>>().and_then(Option::take)
}

/// Encodes `value` as a chunk.
#[inline]
pub(crate) fn write<T: Serialize + 'static>(mut value: T) -> Result<Bytes> {
    match (&mut value as &mut dyn Any).downcast_mut::<Bytes>() {
        Some(bytes) => Ok(mem::take(bytes)),
        None => msgpack::to_vec(&value).map(Bytes::from),
    }
}

/// Encodes the return value of a handler as its last chunk; `()` has none.
#[inline]
pub(crate) fn last<T: Serialize + 'static>(value: T) -> Result<Option<Bytes>> {
    if (&value as &dyn Any).is::<()>() { Ok(None) } else { write(value).map(Some) }
}
