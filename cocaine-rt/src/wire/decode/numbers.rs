//! Integers and floats.

use serde::de::Visitor;

use super::{
    Token,
    decoder::{Decoder, DecoderResult},
};
use crate::wire::format::Format;

impl<'de, F: Format> Decoder<'de, F> {
    #[inline]
    pub(super) fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> DecoderResult<V::Value> {
        self.expect("an integer", |_, token| match token {
            Token::UInt(value) => Some(visitor.visit_u64(value)),
            Token::Int(value) => Some(visitor.visit_i64(value)),
            _ => None,
        })
    }

    /// Reads a float. In a payload an integer is one too, and is passed to `visit_integer`.
    #[inline]
    pub(super) fn float<V: Visitor<'de>>(
        &mut self,
        visitor: V,
        visit_integer: impl FnOnce(V, Integer) -> DecoderResult<V::Value>,
    ) -> DecoderResult<V::Value> {
        self.expect("a float", |_, token| match token {
            Token::F32(value) => Some(visitor.visit_f32(value)),
            Token::F64(value) => Some(visitor.visit_f64(value)),
            Token::UInt(value) if F::IS_PAYLOAD => Some(visit_integer(visitor, Integer::Unsigned(value))),
            Token::Int(value) if F::IS_PAYLOAD => Some(visit_integer(visitor, Integer::Negative(value))),
            _ => None,
        })
    }
}

/// An integer that stands for a float, which becomes the nearest one.
#[derive(Clone, Copy)]
pub(super) enum Integer {
    Unsigned(u64),
    Negative(i64),
}

#[expect(clippy::cast_precision_loss, reason = "an integer beyond the precision of the float is rounded")]
impl Integer {
    pub(super) fn to_f32(self) -> f32 {
        match self {
            Self::Unsigned(value) => value as f32,
            Self::Negative(value) => value as f32,
        }
    }

    pub(super) fn to_f64(self) -> f64 {
        match self {
            Self::Unsigned(value) => value as f64,
            Self::Negative(value) => value as f64,
        }
    }
}
