//! Texts and bytes.

use std::borrow::Cow;

use serde::de::Visitor;

use super::{
    DecodeError,
    decoder::{Decoder, DecoderResult},
    texts::InvalidText,
};
use crate::wire::{format::Format, text};

impl<'de, F: Format> Decoder<'de, F> {
    #[inline]
    pub(super) fn text<V: Visitor<'de>>(&mut self, visitor: V) -> DecoderResult<V::Value> {
        self.located(|this| {
            let raw = this.reader.raw()?;
            this.visit_text(raw, visitor)
        })
    }

    #[inline]
    pub(super) fn owned_text<V: Visitor<'de>>(&mut self, visitor: V) -> DecoderResult<V::Value> {
        self.located(|this| {
            let raw = this.reader.raw()?;
            this.budget.charge_text(raw)?;
            this.visit_text(raw, visitor)
        })
    }

    #[inline]
    fn visit_text<V: Visitor<'de>>(&mut self, raw: &'de [u8], visitor: V) -> DecoderResult<V::Value> {
        if let InvalidText::Refuse = self.invalid_text {
            let text = std::str::from_utf8(raw)
                .map_err(|_| DecodeError::new("expected a text, found bytes that are not UTF-8"))?;
            return visitor.visit_borrowed_str(text);
        }
        match text::from_bytes(raw) {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => self.visit_escaped(text, visitor),
        }
    }

    #[cold]
    fn visit_escaped<V: Visitor<'de>>(&mut self, text: String, visitor: V) -> DecoderResult<V::Value> {
        self.budget.charge_allocation()?;
        self.budget.charge(text.len())?;
        match self.invalid_text {
            InvalidText::EscapeInto(texts) => visitor.visit_borrowed_str(texts.push(text)),
            InvalidText::Escape | InvalidText::Refuse => visitor.visit_string(text),
        }
    }

    /// Reads bytes. In a payload an array of integers is bytes too.
    #[inline]
    pub(super) fn blob<V: Visitor<'de>>(&mut self, visitor: V) -> DecoderResult<V::Value> {
        if self.is_array_of_payload() {
            return self.sequence(true, visitor);
        }
        self.located(|this| visitor.visit_borrowed_bytes(this.reader.raw()?))
    }

    #[inline]
    pub(super) fn owned_blob<V: Visitor<'de>>(&mut self, visitor: V) -> DecoderResult<V::Value> {
        if self.is_array_of_payload() {
            return self.sequence(true, visitor);
        }
        self.located(|this| {
            let blob = this.reader.raw()?;
            this.budget.charge_text(blob)?;
            visitor.visit_borrowed_bytes(blob)
        })
    }

    #[inline]
    fn is_array_of_payload(&self) -> bool {
        F::IS_PAYLOAD && matches!(self.reader.peek_marker(), Some(0x90..=0x9f | 0xdc | 0xdd))
    }
}
