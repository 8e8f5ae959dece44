//! The serde `Deserializer` of the dialect.

use std::{cell::Cell, marker::PhantomData};

use serde::de::{Deserializer, Visitor};

use super::{
    ANY_LEN, DecodeBudget, DecodeError, Reader, Token,
    args::ArgumentAccess,
    byte_sequence::ByteAccess,
    containers::{ElementAccess, UnitVariantAccess},
    texts::InvalidText,
};
use crate::wire::{format::Format, scan::MAX_DEPTH};

pub(super) type DecoderResult<T> = Result<T, DecodeError>;

/// The position of the next value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ArgumentPosition {
    /// The argument list, whose head is read. A tuple gets the list, any other type the first argument.
    List,
    /// An element of the argument list.
    Argument,
    /// Any other value.
    Plain,
}

/// Reads one value.
pub(super) struct Decoder<'de, F> {
    pub(super) reader: Reader<'de>,
    /// The number of open containers.
    pub(super) depth: usize,
    pub(super) position: ArgumentPosition,
    /// The number of arguments that are not read yet.
    pub(super) unread: u32,
    pub(super) budget: DecodeBudget,
    pub(super) invalid_text: InvalidText<'de>,
    format: PhantomData<F>,
}

impl<'de, F: Format> Decoder<'de, F> {
    pub(super) fn new(
        bytes: &'de [u8],
        depth: usize,
        budget: DecodeBudget,
        invalid_text: InvalidText<'de>,
    ) -> Self {
        let reader = Reader::new(bytes);
        let (position, unread) = (ArgumentPosition::Plain, 0);
        Self { reader, depth, position, unread, budget, invalid_text, format: PhantomData }
    }

    pub(super) fn skip(&mut self, values: u64) -> DecoderResult<()> {
        (0..values).try_for_each(|_| self.reader.skip_within(self.depth))
    }

    /// Reads a container of `left` values. They are charged if they are allocated, like those of a list and unlike the fields
    /// of a struct.
    fn enter<T>(
        &mut self,
        left: u64,
        is_allocated: bool,
        visit: impl FnOnce(&mut ElementAccess<'_, 'de, F>) -> DecoderResult<T>,
    ) -> DecoderResult<T> {
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::new("nested deeper than 32 levels"));
        }
        if left > 0 && is_allocated {
            self.budget.charge_allocation()?;
        }
        self.depth += 1;
        self.position = ArgumentPosition::Plain;
        let mut items = ElementAccess { decoder: self, left, is_allocated };
        let value = visit(&mut items)?;
        let left = items.left;
        self.skip(left)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array<V: Visitor<'de>>(&mut self, len: u32, visitor: V) -> DecoderResult<V::Value> {
        self.enter(len.into(), true, |items| visitor.visit_seq(items))
    }

    fn map<V: Visitor<'de>>(&mut self, len: u32, visitor: V) -> DecoderResult<V::Value> {
        self.enter(2 * u64::from(len), true, |items| visitor.visit_map(items))
    }

    /// Reads an array, whose elements are allocated or a part of what is made of it, like those of a tuple.
    pub(super) fn sequence<V: Visitor<'de>>(
        &mut self,
        is_allocated: bool,
        visitor: V,
    ) -> DecoderResult<V::Value> {
        self.expect("an array", |this, token| match token {
            Token::Array(len) => Some(this.enter(len.into(), is_allocated, |items| visitor.visit_seq(items))),
            Token::Raw(bytes) if F::IS_PAYLOAD => Some(this.byte_sequence(bytes, is_allocated, visitor)),
            _ => None,
        })
    }

    /// Passes raw bytes as a sequence of `u8`.
    fn byte_sequence<V: Visitor<'de>>(
        &mut self,
        bytes: &'de [u8],
        is_allocated: bool,
        visitor: V,
    ) -> DecoderResult<V::Value> {
        if is_allocated && !bytes.is_empty() {
            self.budget.charge_allocation()?;
        }
        let budget = &mut self.budget;
        visitor.visit_seq(ByteAccess { bytes, budget, is_allocated, is_checked: Cell::new(false) })
    }

    /// Reads a value with `read`, and adds its position to the visitor's error.
    #[inline]
    pub(super) fn located<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> DecoderResult<T>,
    ) -> DecoderResult<T> {
        let start = self.reader.position();
        read(self).map_err(|malformed| malformed.at(start))
    }

    #[inline]
    pub(super) fn expect<T>(
        &mut self,
        expected: &str,
        convert: impl FnOnce(&mut Self, Token<'de>) -> Option<DecoderResult<T>>,
    ) -> DecoderResult<T> {
        self.located(|this| {
            let token = this.reader.token()?;
            convert(this, token).unwrap_or_else(|| {
                Err(DecodeError::new(format!("expected {expected}, found {}", token.name())))
            })
        })
    }
}

fn raw<'de, V: Visitor<'de>>(raw: &'de [u8], visitor: V) -> DecoderResult<V::Value> {
    match std::str::from_utf8(raw) {
        Ok(text) => visitor.visit_borrowed_str(text),
        Err(_) => visitor.visit_borrowed_bytes(raw),
    }
}

macro_rules! forward {
    ($($method:ident => $like:ident),* $(,)?) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
            self.$like(visitor)
        }
    )*};
}

impl<'de, F: Format> Deserializer<'de> for &mut Decoder<'de, F> {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        self.located(|this| match this.reader.token()? {
            Token::Nil => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::UInt(value) => visitor.visit_u64(value),
            Token::Int(value) => visitor.visit_i64(value),
            Token::F32(value) => visitor.visit_f32(value),
            Token::F64(value) => visitor.visit_f64(value),
            Token::Raw(bytes) => {
                this.budget.charge_text(bytes)?;
                raw(bytes, visitor)
            }
            Token::Array(len) => this.array(len, visitor),
            Token::Map(len) => this.map(len, visitor),
        })
    }

    forward! {
        deserialize_i8 => integer, deserialize_i16 => integer, deserialize_i32 => integer,
        deserialize_i64 => integer, deserialize_u8 => integer, deserialize_u16 => integer,
        deserialize_u32 => integer, deserialize_u64 => integer,
        deserialize_char => text, deserialize_str => text, deserialize_string => owned_text,
        deserialize_bytes => blob, deserialize_byte_buf => owned_blob,
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        self.float(visitor, |visitor, integer| visitor.visit_f32(integer.to_f32()))
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        self.float(visitor, |visitor, integer| visitor.visit_f64(integer.to_f64()))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        self.located(|this| visitor.visit_bool(this.reader.bool()?))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        // An optional argument is present or left out. If it is present, nil is up to the inner type.
        let argument = self.position == ArgumentPosition::Argument;
        self.position = ArgumentPosition::Plain;
        if !argument && self.reader.peek_marker() == Some(0xc0) {
            self.reader.nil()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        if self.position == ArgumentPosition::List {
            self.position = ArgumentPosition::Plain;
        } else {
            self.reader.nil()?;
        }
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> DecoderResult<V::Value> {
        self.expect("an empty array", |this, token| match token {
            Token::Nil => Some(visitor.visit_unit()),
            Token::Array(len) => Some(this.enter(len.into(), false, |_| visitor.visit_unit())),
            _ => None,
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> DecoderResult<V::Value> {
        if self.position == ArgumentPosition::List {
            self.position = ArgumentPosition::Plain;
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        self.sequence(true, visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> DecoderResult<V::Value> {
        if self.position == ArgumentPosition::List {
            return visitor.visit_seq(ArgumentAccess::new(self, len));
        }
        // A type with any number of elements allocates them.
        self.sequence(len == ANY_LEN, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> DecoderResult<V::Value> {
        self.sequence(false, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        self.expect("a map", |this, token| match token {
            Token::Map(len) => Some(this.map(len, visitor)),
            _ => None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> DecoderResult<V::Value> {
        self.expect("an array or a map", |this, token| match token {
            Token::Array(len) => Some(this.enter(len.into(), false, |items| visitor.visit_seq(items))),
            Token::Map(len) => Some(this.enter(2 * u64::from(len), false, |items| visitor.visit_map(items))),
            _ => None,
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> DecoderResult<V::Value> {
        self.located(|this| {
            let mut ahead = this.reader.clone();
            match ahead.token()? {
                Token::Raw(_) | Token::UInt(_) => visitor.visit_enum(UnitVariantAccess(this)),
                Token::Map(1) => {
                    this.reader = ahead;
                    this.enter(2, false, |items| visitor.visit_enum(items))
                }
                Token::Map(_) => Err(DecodeError::new("expected a map of one variant")),
                other => Err(DecodeError::new(format!("expected a variant, found {}", other.name()))),
            }
        })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        self.expect("a name", |_, token| match token {
            Token::Raw(bytes) => Some(raw(bytes, visitor)),
            Token::UInt(value) => Some(visitor.visit_u64(value)),
            _ => None,
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> DecoderResult<V::Value> {
        self.reader.skip_within(self.depth)?;
        visitor.visit_unit()
    }
}
