//! The elements of an array in a payload, decoded one by one.

use serde::Deserialize;

use super::{
    DecodeBudget, MAX_DECODED_BYTES,
    args::MissingValue,
    decoder::{Decoder, DecoderResult},
    texts::InvalidText,
};
use crate::wire::{
    bytes::{self, RestoreOnDrop},
    format::PayloadFormat,
};

/// The elements of an array that are not read yet.
pub(crate) struct Elements<'de> {
    decoder: Decoder<'de, PayloadFormat>,
    remaining: u32,
    /// Makes blobs slices of the source while the elements are read.
    _restore: Option<RestoreOnDrop>,
}

impl<'de> Elements<'de> {
    /// Opens the array in `source`.
    ///
    /// # Errors
    /// Fails if the bytes do not begin with an array.
    pub(crate) fn open(source: &'de ::bytes::Bytes) -> DecoderResult<Self> {
        let mut decoder =
            Decoder::new(source, 1, DecodeBudget::new(source.len(), MAX_DECODED_BYTES), InvalidText::Refuse);
        let remaining = decoder.reader.array_len()?;
        Ok(Self { decoder, remaining, _restore: bytes::set_source(source) })
    }

    /// Returns the next element as `T`; `None` at the end, unless `T` accepts a missing value.
    ///
    /// # Errors
    /// Fails if the element has another type, or is not a valid value.
    pub(crate) fn next<T: Deserialize<'de>>(&mut self) -> DecoderResult<Option<T>> {
        if self.remaining == 0 {
            return Ok(T::deserialize(MissingValue::element()).ok());
        }
        let start = self.decoder.reader.position();
        let value = T::deserialize(&mut self.decoder)?;
        // A type may ignore its value.
        if self.decoder.reader.position() == start {
            self.decoder.skip(1)?;
        }
        self.remaining -= 1;
        Ok(Some(value))
    }

    /// Skips the remaining elements.
    ///
    /// # Errors
    /// Fails if an element is not a valid value, or if bytes follow the array.
    pub(crate) fn end(mut self) -> DecoderResult<()> {
        self.decoder.skip(self.remaining.into())?;
        self.decoder.reader.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{bytes::Bytes, encode};

    fn packed<T: serde::Serialize>(value: &T) -> ::bytes::Bytes {
        encode::to_vec(value).unwrap().into()
    }

    #[test]
    fn elements_decode_as_requested_types() {
        let source = packed(&(1, "x", (), [1, 2], 5));
        let mut elements = Elements::open(&source).unwrap();
        assert_eq!(elements.next::<u8>().unwrap(), Some(1));
        assert_eq!(elements.next::<String>().unwrap().as_deref(), Some("x"));
        assert_eq!(elements.next::<Option<u8>>().unwrap(), Some(None));
        let text = elements.next::<u8>().unwrap_err().to_string();
        assert_eq!(text, "expected an integer, found an array at byte 5");
    }

    #[test]
    fn missing_elements_are_none_and_extra_ones_skipped() {
        let source = packed(&(1, 2, [3]));
        let mut elements = Elements::open(&source).unwrap();
        assert_eq!(elements.next::<u8>().unwrap(), Some(1));
        elements.end().unwrap();
        let source = packed(&[0; 0]);
        let mut elements = Elements::open(&source).unwrap();
        assert_eq!(elements.next::<Option<u8>>().unwrap(), Some(None));
        assert_eq!(elements.next::<u8>().unwrap(), None);
        elements.end().unwrap();
    }

    #[test]
    fn large_blob_is_slice_of_source() {
        let source = packed(&("x", "y".repeat(8 << 10)));
        let mut elements = Elements::open(&source).unwrap();
        elements.next::<String>().unwrap();
        let blob: Bytes = elements.next().unwrap().unwrap();
        assert!(source.as_ptr_range().contains(&blob.as_ptr()));
    }
}
