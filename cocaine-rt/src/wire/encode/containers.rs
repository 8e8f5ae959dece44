//! Arrays, maps and argument lists that are being written.

use serde::{Serialize, ser};

use super::{
    EncodeError,
    encoder::{Encoder, EncoderResult, ValuePosition},
};

/// An open array or map.
pub(super) struct ContainerEncoder<'w, 'a> {
    encoder: &'w mut Encoder<'a>,
    start: usize,
    declared: usize,
    /// Values an element takes: 1 in an array, 2 in a map.
    of: usize,
    written: usize,
    /// Containers that end with this one.
    levels: usize,
}

impl<'w, 'a> ContainerEncoder<'w, 'a> {
    pub(super) fn new(encoder: &'w mut Encoder<'a>, start: usize, declared: usize, of: usize) -> Self {
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
pub(super) struct ArgumentEncoder<'w, 'a> {
    encoder: &'w mut Encoder<'a>,
    start: usize,
    declared: usize,
    written: usize,
    /// The number of arguments up to the last that is not `None`, and where that one ends.
    kept: usize,
    end: usize,
}

impl<'w, 'a> ArgumentEncoder<'w, 'a> {
    #[inline]
    pub(super) fn new(encoder: &'w mut Encoder<'a>, start: usize, declared: usize) -> Self {
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
pub(super) enum TupleEncoder<'w, 'a> {
    ArgumentEncoder(ArgumentEncoder<'w, 'a>),
    Plain(ContainerEncoder<'w, 'a>),
}

impl ser::SerializeTuple for TupleEncoder<'_, '_> {
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

impl ser::SerializeSeq for ContainerEncoder<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> EncoderResult {
        self.push(value)
    }

    fn end(self) -> EncoderResult {
        self.close()
    }
}

impl ser::SerializeMap for ContainerEncoder<'_, '_> {
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

macro_rules! fields {
    ($($trait:ident: $method:ident($($name:ident: $type:ty)?),)*) => {$(
        impl ser::$trait for ContainerEncoder<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $type,)? value: &T) -> EncoderResult {
                self.push(value)
            }

            fn end(self) -> EncoderResult {
                self.close()
            }
        }
    )*};
}

fields! {
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(_name: &'static str),
    SerializeStructVariant: serialize_field(_name: &'static str),
}
