//! The `MessagePack` dialect of the cloud, for payloads that it carries as bytes: chunks of events, stored blobs.
//!
//! A struct is a map of its fields by name (`protocol.md` 3.4), which is what workers in other languages send and expect, and
//! what lets a type grow: a reader skips the fields that it does not know, and a missing one needs `#[serde(default)]`,
//! unless it is an `Option`. A struct is read from an array of its fields too, in their order. An enum variant is its name,
//! or a map of its name to its content; tuples are arrays, and texts and bytes share one raw format.
//!
//! Programs in other languages do not distinguish all of Rust's types. An integer is accepted for a float, and becomes the
//! nearest one, as JavaScript writes `2.0` as `2`; bytes are accepted for a sequence of `u8`, and an array of integers for
//! [`Bytes`]. In what serde has to read before it knows its type, which is in `flatten`, `untagged` and `tag` without
//! `content`, use [`Bytes`] for bytes.
//!
//! The arguments of services, which the calls of this crate encode themselves, are another matter: there a struct is an
//! array, a field that serde skips is nil, and nothing is converted (`protocol.md` 3).

use serde::{Deserialize, Serialize};

use crate::{
    protocol::error::{Error, Result},
    wire::{bytes::Bytes, decode, encode},
};

/// Encodes a value.
///
/// # Errors
/// Fails with `ErrorKind::Encode` if the value contains an `i128`, is nested deeper than 32 levels, or fails to serialize.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    encode::to_vec(value).map_err(Error::from_encode)
}

/// Decodes the single value in `bytes`, which may borrow from them.
///
/// # Errors
/// Fails with `ErrorKind::Decode`, with the position, if the bytes are not exactly one value of this type, and with
/// `ErrorKind::LimitExceeded` if the value takes 128 MiB of memory more than its encoding.
pub fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T> {
    decode::from_slice(bytes).map_err(Error::from_decode)
}

/// Decodes the single value in `bytes`, which may take `max_decoded_bytes` of memory beyond its encoding, like
/// [`Limits::max_decoded_bytes`](crate::Limits) for messages.
///
/// # Errors
/// Fails like [`from_slice`], and with `ErrorKind::LimitExceeded` if the value takes more memory.
pub fn from_slice_within<'de, T: Deserialize<'de>>(bytes: &'de [u8], max_decoded_bytes: usize) -> Result<T> {
    decode::from_slice_within(bytes, max_decoded_bytes).map_err(Error::from_decode)
}

/// Decodes the single value in `bytes`. A [`Bytes`] of 4 KiB or more within it is a slice of them.
///
/// # Errors
/// Fails like [`from_slice`].
pub fn from_bytes<'de, T: Deserialize<'de>>(bytes: &'de Bytes) -> Result<T> {
    decode::value(bytes.handle()).map_err(Error::from_decode)
}
