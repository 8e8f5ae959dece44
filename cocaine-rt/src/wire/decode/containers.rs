//! Access to the contents of arrays, maps and enum variants.

use serde::de::{self, Deserializer, Visitor};

use super::{
    DecodeError,
    decoder::{Decoder, DecoderResult},
};
use crate::wire::format::Format;

/// The values of an open container that are not read yet.
pub(super) struct ElementAccess<'a, 'de, F> {
    pub(super) decoder: &'a mut Decoder<'de, F>,
    pub(super) left: u64,
    /// What is made of each element is allocated, and not a part of what is made of the container.
    pub(super) is_allocated: bool,
}

impl<'de, F: Format> ElementAccess<'_, 'de, F> {
    #[inline]
    fn next<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> DecoderResult<S::Value> {
        let start = self.decoder.reader.position();
        if self.is_allocated {
            self.decoder.budget.charge(size_of::<S::Value>())?;
        }
        let value = seed.deserialize(&mut *self.decoder)?;
        // A type may ignore its value.
        if self.decoder.reader.position() == start {
            self.decoder.skip(1)?;
        }
        self.left -= 1;
        Ok(value)
    }

    /// Returns the size hint: no more elements than the input has bytes.
    fn hint(&self, of: u64) -> usize {
        usize::try_from(self.left / of).unwrap_or(usize::MAX).min(self.decoder.reader.remaining())
    }
}

impl<'de, F: Format> de::SeqAccess<'de> for &mut ElementAccess<'_, 'de, F> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> DecoderResult<Option<S::Value>> {
        if self.left == 0 { Ok(None) } else { self.next(seed).map(Some) }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint(1))
    }
}

impl<'de, F: Format> de::MapAccess<'de> for &mut ElementAccess<'_, 'de, F> {
    type Error = DecodeError;

    fn next_key_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> DecoderResult<Option<S::Value>> {
        if self.left == 0 { Ok(None) } else { self.next(seed).map(Some) }
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> DecoderResult<S::Value> {
        if self.left == 0 { Err(DecodeError::new("no value was left")) } else { self.next(seed) }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint(2))
    }
}

/// A variant that consists of its name only.
pub(super) struct UnitVariantAccess<'a, 'de, F>(pub(super) &'a mut Decoder<'de, F>);

impl<'de, F: Format> de::EnumAccess<'de> for UnitVariantAccess<'_, 'de, F> {
    type Error = DecodeError;
    type Variant = UnitVariant;

    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> DecoderResult<(S::Value, UnitVariant)> {
        Ok((seed.deserialize(self.0)?, UnitVariant))
    }
}

pub(super) struct UnitVariant;

impl UnitVariant {
    fn missing_content<T>() -> DecoderResult<T> {
        Err(DecodeError::new("the variant's content is missing"))
    }
}

impl<'de> de::VariantAccess<'de> for UnitVariant {
    type Error = DecodeError;

    fn unit_variant(self) -> DecoderResult<()> {
        Ok(())
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(self, _seed: S) -> DecoderResult<S::Value> {
        Self::missing_content()
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> DecoderResult<V::Value> {
        Self::missing_content()
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> DecoderResult<V::Value> {
        Self::missing_content()
    }
}

/// A variant that is a map of its name to its content.
impl<'de, F: Format> de::EnumAccess<'de> for &mut ElementAccess<'_, 'de, F> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> DecoderResult<(S::Value, Self)> {
        Ok((self.next(seed)?, self))
    }
}

impl<'de, F: Format> de::VariantAccess<'de> for &mut ElementAccess<'_, 'de, F> {
    type Error = DecodeError;

    fn unit_variant(self) -> DecoderResult<()> {
        self.next(std::marker::PhantomData::<()>)
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> DecoderResult<S::Value> {
        self.next(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> DecoderResult<V::Value> {
        self.left -= 1;
        self.decoder.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> DecoderResult<V::Value> {
        self.left -= 1;
        self.decoder.deserialize_struct("", fields, visitor)
    }
}
