//! Raw bytes that are read as a sequence of `u8`: other languages send a `Vec<u8>` as bytes.

use std::cell::Cell;

use serde::{
    de::{self, Deserializer, Visitor},
    forward_to_deserialize_any,
};

use super::{DecodeBudget, DecodeError};

type Result<T, E = DecodeError> = std::result::Result<T, E>;

/// The bytes that are not read yet. Any other type of element than `u8` is refused.
pub(super) struct ByteAccess<'a, 'de> {
    pub(super) bytes: &'de [u8],
    pub(super) budget: &'a mut DecodeBudget,
    /// What is made of each byte is allocated, and not a part of what is made of the sequence.
    pub(super) is_allocated: bool,
    /// Whether the type of the elements is known to be `u8`.
    pub(super) is_checked: Cell<bool>,
}

impl<'de> de::SeqAccess<'de> for ByteAccess<'_, 'de> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some((&byte, rest)) = self.bytes.split_first() else {
            return self.end(seed);
        };
        if self.is_allocated {
            self.budget.charge(size_of::<S::Value>())?;
        }
        self.bytes = rest;
        seed.deserialize(Byte { value: byte, is_read: &self.is_checked }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.bytes.len())
    }
}

impl<'de> ByteAccess<'_, 'de> {
    /// Ends the sequence. An empty one is refused too if its elements are not `u8`, which a byte out of nowhere finds out.
    fn end<S: de::DeserializeSeed<'de>>(&self, seed: S) -> Result<Option<S::Value>> {
        if !self.is_checked.get() {
            let _ = seed.deserialize(Byte { value: 0, is_read: &self.is_checked });
        }
        if self.is_checked.get() { Ok(None) } else { Err(not_a_sequence()) }
    }
}

#[cold]
fn not_a_sequence() -> DecodeError {
    DecodeError::new("expected an array, found a text")
}

/// One byte, which is read as a `u8` or not at all.
struct Byte<'a> {
    value: u8,
    is_read: &'a Cell<bool>,
}

impl<'de> Deserializer<'de> for Byte<'_> {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        Err(not_a_sequence())
    }

    #[inline]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.is_read.set(true);
        visitor.visit_u8(self.value)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}
