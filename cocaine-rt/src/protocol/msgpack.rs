//! The `MessagePack` dialect of the cloud, for payloads that it carries as bytes: chunks of events, stored blobs.
//!
//! Texts and bytes share one raw format, structs are arrays of their fields, and enum variants are encoded by name
//! (`protocol.md` 1.1).

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
