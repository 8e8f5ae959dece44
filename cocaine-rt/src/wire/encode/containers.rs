//! Arrays, maps and argument lists that are being written.

use serde::{Serialize, ser};

use super::{
    EncodeError,
    encoder::{Encoder, EncoderResult, ValuePosition},
    write_nil,
};
use crate::wire::format::Format;

/// An open array or map.
pub(super) struct ContainerEncoder<'w, 'a, F> {
    encoder: &'w mut Encoder<'a, F>,
    start: usize,
    declared: usize,
    /// Values an element takes: 1 in an array, 2 in a map.
    of: usize,
    written: usize,
    /// Containers that end with this one.
    levels: usize,
}

impl<'w, 'a, F: Format> ContainerEncoder<'w, 'a, F> {
    pub(super) fn new(encoder: &'w mut Encoder<'a, F>, start: usize, declared: usize, of: usize) -> Self {
        Self { encoder, start, declared, of, written: 0, levels: 1 }
    }

    /// Makes the map of the variant end with its content.
    pub(super) fn within_variant(self) -> Self {
        Self { levels: 2, ..self }
    }

    #[inline]
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> EncoderResult {
        self.written += 1;
        value.serialize(&mut *self.encoder)
    }

    pub(super) fn close(self) -> EncoderResult {
        let len = self.written / self.of;
        if len * self.of != self.written {
            return Err(EncodeError::new("a map's key has no value"));
        }
        self.encoder.depth -= self.levels;
        if len == self.declared {
            return Ok(());
        }
        self.encoder.set_len(self.start, self.declared, len, self.of)
    }
}

/// The argument list, of which `None`s at the end are taken back.
pub(super) struct ArgumentEncoder<'w, 'a, F> {
    encoder: &'w mut Encoder<'a, F>,
    start: usize,
    declared: usize,
    written: usize,
    /// The number of arguments up to the last that is not `None`, and where that one ends.
    kept: usize,
    end: usize,
}

impl<'w, 'a, F: Format> ArgumentEncoder<'w, 'a, F> {
    #[inline]
    pub(super) fn new(encoder: &'w mut Encoder<'a, F>, start: usize, declared: usize) -> Self {
        let end = encoder.out.buf.len();
        Self { encoder, start, declared, written: 0, kept: 0, end }
    }

    #[inline]
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> EncoderResult {
        self.encoder.position = ValuePosition::Argument;
        self.encoder.absent = false;
        value.serialize(&mut *self.encoder)?;
        self.written += 1;
        if !self.encoder.absent {
            (self.kept, self.end) = (self.written, self.encoder.out.buf.len());
        }
        Ok(())
    }

    #[inline]
    fn close(self) -> EncoderResult {
        if self.kept == self.declared {
            return Ok(());
        }
        self.encoder.out.buf.truncate(self.end);
        self.encoder.set_len(self.start, self.declared, self.kept, 1)
    }
}

/// A tuple: the argument list, or an array within it.
pub(super) enum TupleEncoder<'w, 'a, F> {
    ArgumentEncoder(ArgumentEncoder<'w, 'a, F>),
    Plain(ContainerEncoder<'w, 'a, F>),
}

impl<F: Format> ser::SerializeTuple for TupleEncoder<'_, '_, F> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> EncoderResult {
        match self {
            Self::ArgumentEncoder(arguments) => arguments.push(value),
            Self::Plain(items) => items.push(value),
        }
    }

    #[inline]
    fn end(self) -> EncoderResult {
        match self {
            Self::ArgumentEncoder(arguments) => arguments.close(),
            Self::Plain(items) => items.close(),
        }
    }
}

impl<F: Format> ser::SerializeSeq for ContainerEncoder<'_, '_, F> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> EncoderResult {
        self.push(value)
    }

    fn end(self) -> EncoderResult {
        self.close()
    }
}

impl<F: Format> ser::SerializeMap for ContainerEncoder<'_, '_, F> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> EncoderResult {
        self.push(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> EncoderResult {
        self.push(value)
    }

    fn end(self) -> EncoderResult {
        self.close()
    }
}

macro_rules! unnamed_fields {
    ($($trait:ident),*) => {$(
        impl<F: Format> ser::$trait for ContainerEncoder<'_, '_, F> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> EncoderResult {
                self.push(value)
            }

            fn end(self) -> EncoderResult {
                self.close()
            }
        }
    )*};
}

unnamed_fields!(SerializeTupleStruct, SerializeTupleVariant);

/// An open struct: a map in a payload, and an array in arguments, where a skipped field is nil, so that none moves to the
/// position of another.
pub(super) struct StructEncoder<'w, 'a, F>(pub(super) ContainerEncoder<'w, 'a, F>);

impl<F: Format> StructEncoder<'_, '_, F> {
    /// Makes the map of the variant end with its content.
    pub(super) fn within_variant(self) -> Self {
        Self(self.0.within_variant())
    }

    #[inline]
    fn push<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> EncoderResult {
        if F::IS_PAYLOAD {
            self.0.encoder.name(name);
            self.0.written += 1;
        }
        self.0.push(value)
    }

    fn skip(&mut self) {
        if !F::IS_PAYLOAD {
            write_nil(&mut self.0.encoder.out.buf);
            self.0.written += 1;
        }
    }
}

macro_rules! named_fields {
    ($($trait:ident),*) => {$(
        impl<F: Format> ser::$trait for StructEncoder<'_, '_, F> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> EncoderResult {
                self.push(name, value)
            }

            fn skip_field(&mut self, _name: &'static str) -> EncoderResult {
                self.skip();
                Ok(())
            }

            fn end(self) -> EncoderResult {
                self.0.close()
            }
        }
    )*};
}

named_fields!(SerializeStruct, SerializeStructVariant);
