//! Decoding of the `MessagePack` dialect. All raw formats are equivalent. In arguments only what the original runtime
//! accepts is accepted (`protocol.md` 1.1, 3); payloads are read as other languages write them (`protocol.md` 3.4).

use serde::Deserialize;

use crate::wire::{bytes, format::PayloadFormat};

mod args;
mod budget;
mod byte_sequence;
mod containers;
mod decoder;
mod elements;
mod error;
mod numbers;
mod raws;
mod reader;
mod texts;

pub(crate) use elements::Elements;
pub(crate) use error::DecodeError;
pub(crate) use reader::{Reader, Token};
pub(crate) use texts::EscapedTexts;

use budget::DecodeBudget;
use decoder::Decoder;
use texts::InvalidText;

/// The length for `deserialize_tuple` that accepts an argument list of any length.
pub(crate) const ANY_LEN: usize = usize::MAX;

/// The default limit of the memory that a decoded value may take beyond its encoding. It suffices for a list of a million
/// short texts, or for three million numbers as [`Value`](crate::wire::value::Value)s. Numbers in a typed list take no
/// more than their encoding.
pub(crate) const MAX_DECODED_BYTES: usize = 128 << 20;

/// Decodes the argument list in `source`.
///
/// A tuple or a fixed array gets the list, `()` accepts any list, and any other type gets the first argument. Surplus
/// arguments are ignored, and a missing one is `None`. Types that borrow texts, like `&str`, take none that is not UTF-8.
///
/// # Errors
/// Fails if the bytes are not an argument list, if an argument is missing or has another type, or if `T` fails.
#[inline]
pub(crate) fn args<'de, T: Deserialize<'de>>(source: &'de ::bytes::Bytes) -> Result<T, DecodeError> {
    let _restore = bytes::set_source(source);
    args::list(source, DecodeBudget::new(source.len(), MAX_DECODED_BYTES), InvalidText::Escape)
        .map(|(value, _)| value)
}

/// Decodes the argument list in `source`, which may take `limit` bytes beyond its encoding. Returns it with the bytes that
/// it was charged ([`DecodeBudget`]). Texts that are not UTF-8 are added to `texts`, and may be borrowed.
///
/// # Errors
/// Fails like [`args`], and if the value takes more memory.
#[inline]
pub(crate) fn args_within<'de, T: Deserialize<'de>>(
    source: &'de ::bytes::Bytes,
    limit: usize,
    texts: &'de EscapedTexts,
) -> Result<(T, usize), DecodeError> {
    let _restore = bytes::set_source(source);
    args::list(source, DecodeBudget::new(source.len(), limit), InvalidText::EscapeInto(texts))
}

/// Decodes the single value in `source`, a payload.
///
/// # Errors
/// Fails if the bytes are not exactly one value, if the value has another type, if a text is not UTF-8, or if `T` fails.
#[inline]
pub(crate) fn value<'de, T: Deserialize<'de>>(source: &'de ::bytes::Bytes) -> Result<T, DecodeError> {
    value_within(source, source, MAX_DECODED_BYTES)
}

/// Decodes the single value in `encoded`, a part of `source`, which may take `limit` bytes beyond its encoding.
///
/// # Errors
/// Fails like [`value`], and if the value takes more memory.
#[inline]
pub(crate) fn value_within<'de, T: Deserialize<'de>>(
    source: &::bytes::Bytes,
    encoded: &'de [u8],
    limit: usize,
) -> Result<T, DecodeError> {
    let _restore = bytes::set_source(source);
    from_slice_within(encoded, limit)
}

/// Decodes the single value in `source`, and copies its blobs.
///
/// # Errors
/// Fails like [`value`].
#[inline]
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(source: &'de [u8]) -> Result<T, DecodeError> {
    from_slice_within(source, MAX_DECODED_BYTES)
}

/// Decodes the single value in `source`, which may take `limit` bytes beyond its encoding, and copies its blobs.
///
/// # Errors
/// Fails like [`value`], and if the value takes more memory.
#[inline]
pub(crate) fn from_slice_within<'de, T: Deserialize<'de>>(
    source: &'de [u8],
    limit: usize,
) -> Result<T, DecodeError> {
    let budget = DecodeBudget::new(source.len(), limit);
    let mut decoder = Decoder::<PayloadFormat>::new(source, 0, budget, InvalidText::Refuse);
    let value = T::deserialize(&mut decoder)?;
    decoder.reader.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests;
