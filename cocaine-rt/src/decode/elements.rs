//! The elements of an array, one by one.

use serde::Deserialize;

use super::{
    args::Missing,
    decoder::{Decoder, Result},
};
use crate::bytes::{self, Restore};

/// The elements of an array that are not read yet.
pub(crate) struct Elements<'de> {
    decoder: Decoder<'de>,
    left: u32,
    /// Lets blobs be slices of the source while the elements are read.
    _lent: Option<Restore>,
}

impl<'de> Elements<'de> {
    /// Opens the array in `source`.
    ///
    /// # Errors
    /// Bytes that do not begin with an array.
    pub(crate) fn open(source: &'de ::bytes::Bytes) -> Result<Self> {
        let mut decoder = Decoder::new(source, 1);
        let left = decoder.reader.array_len()?;
        Ok(Self { decoder, left, _lent: bytes::lend(source) })
    }

    /// Returns the next element as `T`; `None` if there is none, and `T` is not content without.
    ///
    /// # Errors
    /// An element of another type, or bytes that are no value.
    pub(crate) fn next<T: Deserialize<'de>>(&mut self) -> Result<Option<T>> {
        if self.left == 0 {
            return Ok(T::deserialize(Missing::element()).ok());
        }
        let start = self.decoder.reader.position();
        let value = T::deserialize(&mut self.decoder)?;
        // A type may be content without looking at its value.
        if self.decoder.reader.position() == start {
            self.decoder.skip(1)?;
        }
        self.left -= 1;
        Ok(Some(value))
    }

    /// Passes over the elements that nobody asked for.
    ///
    /// # Errors
    /// Bytes that are no value, or that follow the array.
    pub(crate) fn end(mut self) -> Result<()> {
        self.decoder.skip(self.left.into())?;
        self.decoder.reader.end()
    }
}
