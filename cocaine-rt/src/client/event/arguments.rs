//! The arguments of an event, encoded as its first chunk.

use std::fmt;

use serde::Serialize;

use crate::{
    protocol::error::{Error, Result},
    wire::{
        bytes::Bytes,
        encode::{self, EncodeError, Encoded},
        scratch::Scratch,
    },
};

/// The encoded arguments of an event: its first chunk, or none.
pub struct FirstChunk(Option<Result<Scratch, EncodeError>>);

impl FirstChunk {
    /// Returns the arguments of an event that has none.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Returns the only argument of an event, which is the chunk itself.
    pub fn bytes(argument: &Bytes) -> Self {
        Self::encode(|into| encode::args(&(argument,), into))
    }

    /// Returns the only argument of an event, or the tuple of several.
    pub fn value<T: Serialize + ?Sized>(arguments: &T) -> Self {
        Self::encode(|into| encode::payload_args(arguments, into))
    }

    fn encode(encode: impl FnOnce(&mut Encoded) -> Result<(), EncodeError>) -> Self {
        let mut scratch = Scratch::take();
        Self(Some(encode(&mut scratch).map(|()| scratch)))
    }

    /// Returns the arguments of the first message.
    pub(super) fn into_encoded(self) -> Result<Option<Scratch>> {
        let Some(encoded) = self.0 else { return Ok(None) };
        encoded.map(Some).map_err(|error| Error::encode(format!("the arguments: {error}")))
    }
}

impl fmt::Debug for FirstChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirstChunk")
    }
}
