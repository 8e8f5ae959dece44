//! Argument lists, with their rules for optional, missing and surplus arguments (`protocol.md` 3.2).

use serde::{
    Deserialize,
    de::{self, Deserializer, Visitor},
    forward_to_deserialize_any,
};

use super::{
    ANY_LEN, DecodeBudget, DecodeError,
    decoder::{ArgumentPosition, Decoder, DecoderResult},
    texts::InvalidText,
};
use crate::wire::format::{ArgumentFormat, Format};

/// Reads the argument list in `source`; returns it and the bytes that it was charged.
#[inline]
pub(super) fn list<'de, T: Deserialize<'de>>(
    source: &'de [u8],
    budget: DecodeBudget,
    invalid_text: InvalidText<'de>,
) -> DecoderResult<(T, usize)> {
    let granted = budget.left();
    // The frame and the list are open.
    let mut decoder = Decoder::<ArgumentFormat>::new(source, 2, budget, invalid_text);
    decoder.unread = decoder.reader.array_len()?;
    let value = if decoder.unread == 0 {
        T::deserialize(MissingValue { index: 1, of: 1, is_list: true })?
    } else {
        first_or_list(&mut decoder)?
    };
    decoder.skip(decoder.unread.into())?;
    decoder.reader.end()?;
    Ok((value, granted - decoder.budget.left()))
}

#[inline]
fn first_or_list<'de, T: Deserialize<'de>>(decoder: &mut Decoder<'de, ArgumentFormat>) -> DecoderResult<T> {
    let start = decoder.reader.position();
    let unread = decoder.unread;
    decoder.position = ArgumentPosition::List;
    let value = T::deserialize(&mut *decoder).map_err(|malformed| malformed.argument(1))?;
    // The type has read a value without asking for a list: it was the first argument.
    if decoder.unread == unread && decoder.reader.position() > start {
        decoder.unread -= 1;
    }
    Ok(value)
}

/// The arguments that are not read yet.
pub(super) struct ArgumentAccess<'a, 'de, F> {
    decoder: &'a mut Decoder<'de, F>,
    index: usize,
    of: usize,
}

impl<'a, 'de, F: Format> ArgumentAccess<'a, 'de, F> {
    pub(super) fn new(decoder: &'a mut Decoder<'de, F>, of: usize) -> Self {
        Self { decoder, index: 0, of }
    }
}

impl<'de, F: Format> de::SeqAccess<'de> for ArgumentAccess<'_, 'de, F> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> DecoderResult<Option<S::Value>> {
        let end = self.decoder.unread == 0;
        if self.index == self.of || (end && self.of == ANY_LEN) {
            return Ok(None);
        }
        self.index += 1;
        if end {
            return seed
                .deserialize(MissingValue { index: self.index, of: self.of, is_list: false })
                .map(Some);
        }
        let start = self.decoder.reader.position();
        if self.of == ANY_LEN {
            self.decoder.budget.charge(size_of::<S::Value>())?;
        }
        self.decoder.position = ArgumentPosition::Argument;
        let value =
            seed.deserialize(&mut *self.decoder).map_err(|malformed| malformed.argument(self.index))?;
        // A type may ignore its value.
        if self.decoder.reader.position() == start {
            self.decoder.skip(1)?;
        }
        self.decoder.unread -= 1;
        Ok(Some(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some((self.decoder.unread as usize).min(self.of).min(self.decoder.reader.remaining()))
    }
}

/// A missing argument, or an empty argument list.
pub(super) struct MissingValue {
    index: usize,
    of: usize,
    is_list: bool,
}

impl MissingValue {
    /// Returns a deserializer for an element that the array lacks.
    pub(super) fn element() -> Self {
        Self { index: 1, of: 1, is_list: false }
    }
}

impl<'de> Deserializer<'de> for MissingValue {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        let missing = DecodeError::missing(self.index, self.of);
        // A type that accepts any value gets nil for an empty list.
        if self.is_list { visitor.visit_unit().map_err(|_: DecodeError| missing) } else { Err(missing) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> DecoderResult<V::Value> {
        visitor.visit_newtype_struct(Self { is_list: false, ..self })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> DecoderResult<V::Value> {
        if !self.is_list {
            return self.deserialize_any(visitor);
        }
        visitor.visit_seq(ArgumentAccess::new(
            &mut Decoder::<ArgumentFormat>::new(&[], 2, DecodeBudget::new(0, 0), InvalidText::Refuse),
            len,
        ))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit_struct seq
        tuple_struct map struct enum identifier ignored_any
    }
}
