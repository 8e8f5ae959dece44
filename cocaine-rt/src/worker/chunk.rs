//! A chunk and its value: [`Bytes`] are the chunk as it is, anything else is its `MessagePack`.

use std::{any::Any, mem};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    protocol::{error::Result, msgpack},
    wire::{
        bytes::Bytes,
        decode::{self, DecodeError},
    },
};

/// Returns the value of `chunk`.
#[inline]
pub(super) fn read<T: DeserializeOwned + 'static>(chunk: Bytes) -> Result<T, DecodeError> {
    let mut chunk = Some(chunk);
    let same = (&mut chunk as &mut dyn Any).downcast_mut::<Option<T>>().and_then(Option::take);
    match same {
        Some(bytes) => Ok(bytes),
        None => decode::value(chunk.unwrap_or_default().handle()),
    }
}

/// Returns the chunk of `value`.
#[inline]
pub(super) fn write<T: Serialize + 'static>(mut value: T) -> Result<Bytes> {
    match (&mut value as &mut dyn Any).downcast_mut::<Bytes>() {
        Some(bytes) => Ok(mem::take(bytes)),
        None => msgpack::to_vec(&value).map(Bytes::from),
    }
}

/// Returns the chunk of what a handler has returned; `()` has none.
#[inline]
pub(super) fn last<T: Serialize + 'static>(value: T) -> Result<Option<Bytes>> {
    if (&value as &dyn Any).is::<()>() { Ok(None) } else { write(value).map(Some) }
}
