//! `MessagePack` as the cloud writes it, for payloads that cross it as bytes: chunks of events, stored blobs.
//!
//! One raw family serves texts and bytes, structs are arrays of their fields, and an enum's variant goes by
//! its name (`protocol.md` 1.1).

use serde::{Deserialize, Serialize};

use crate::{
    protocol::error::{Error, Result},
    wire::{bytes::Bytes, decode, encode},
};

/// Returns `value` encoded.
///
/// # Errors
/// `ErrorKind::Encode` for what cannot be written: `i128`, more than 32 levels, an error of the value's own.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    encode::to_vec(value).map_err(Error::from_encode)
}

/// Returns the one value in `bytes`, which may borrow from them.
///
/// # Errors
/// `ErrorKind::Decode`, with the position, for bytes that are not one value, or one of another type;
/// `ErrorKind::LimitExceeded` for a value that takes 128 MiB of memory more than its encoding.
pub fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T> {
    decode::from_slice(bytes).map_err(Error::from_decode)
}

/// Returns the one value in `bytes`, which may take `max_decoded_bytes` of memory beyond its encoding, as
/// [`Limits::max_decoded_bytes`](crate::Limits) has it for messages.
///
/// # Errors
/// Those of [`from_slice`], and `ErrorKind::LimitExceeded` for a value that takes more.
pub fn from_slice_within<'de, T: Deserialize<'de>>(bytes: &'de [u8], max_decoded_bytes: usize) -> Result<T> {
    decode::from_slice_within(bytes, max_decoded_bytes).map_err(Error::from_decode)
}

/// Returns the one value in `bytes`; a [`Bytes`] of 4 KiB or more within it is a slice of them.
///
/// # Errors
/// Those of [`from_slice`].
pub fn from_bytes<'de, T: Deserialize<'de>>(bytes: &'de Bytes) -> Result<T> {
    decode::value(bytes.handle()).map_err(Error::from_decode)
}
