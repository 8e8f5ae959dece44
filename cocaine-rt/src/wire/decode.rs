//! Reads the `MessagePack` of Cocaine: all raws alike, and nothing that the runtime would refuse
//! (`protocol.md` 1.1, 3).

use serde::Deserialize;

use crate::wire::bytes;

mod args;
mod budget;
mod containers;
mod decoder;
mod elements;
mod error;
mod reader;

pub(crate) use elements::Elements;
pub(crate) use error::DecodeError;
pub(crate) use reader::{Reader, Token};

use budget::DecodeBudget;
use decoder::Decoder;

/// The length for `deserialize_tuple` that takes an argument list of any length as it is.
pub(crate) const ANY_LEN: usize = usize::MAX;

/// How many bytes a decoded value may take beyond its encoding, unless another limit is set. It is more than a list of a
/// million short texts takes, or three million numbers as [`Value`](crate::wire::value::Value)s; numbers in a typed list
/// take no more than their encoding.
pub(crate) const MAX_DECODED_BYTES: usize = 128 << 20;

/// Returns the argument list in `source` as a `T`.
///
/// A tuple or a fixed array is the list, `()` is any list, anything else is the first argument. Arguments
/// that `T` does not ask for are ignored, and one that is missing is `None`.
///
/// # Errors
/// Bytes that are no argument list, an argument that is missing or of another type, an error of `T`'s own.
#[inline]
pub(crate) fn args<'de, T: Deserialize<'de>>(source: &'de ::bytes::Bytes) -> Result<T, DecodeError> {
    args_within(source, MAX_DECODED_BYTES).map(|(value, _)| value)
}

/// Returns the argument list in `source` as a `T`, which may take `limit` bytes beyond its encoding, and the bytes that it
/// was charged ([`DecodeBudget`]).
///
/// # Errors
/// Those of [`args`], and a value that takes more.
#[inline]
pub(crate) fn args_within<'de, T: Deserialize<'de>>(
    source: &'de ::bytes::Bytes,
    limit: usize,
) -> Result<(T, usize), DecodeError> {
    let _restore = bytes::set_source(source);
    args::list(source, DecodeBudget::new(source.len(), limit))
}

/// Returns the one plain value in `source`.
///
/// # Errors
/// Bytes that are not one value, a value of another type, an error of `T`'s own.
#[inline]
pub(crate) fn value<'de, T: Deserialize<'de>>(source: &'de ::bytes::Bytes) -> Result<T, DecodeError> {
    let _restore = bytes::set_source(source);
    from_slice(source)
}

/// Returns the one plain value in `source`; blobs in it are copied.
///
/// # Errors
/// Those of [`value`].
#[inline]
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(source: &'de [u8]) -> Result<T, DecodeError> {
    from_slice_within(source, MAX_DECODED_BYTES)
}

/// Returns the one plain value in `source`, which may take `limit` bytes beyond its encoding; blobs in it are copied.
///
/// # Errors
/// Those of [`value`], and a value that takes more.
#[inline]
pub(crate) fn from_slice_within<'de, T: Deserialize<'de>>(
    source: &'de [u8],
    limit: usize,
) -> Result<T, DecodeError> {
    let mut decoder = Decoder::new(source, 0, DecodeBudget::new(source.len(), limit));
    let value = T::deserialize(&mut decoder)?;
    decoder.reader.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests;
