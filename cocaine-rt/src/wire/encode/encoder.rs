//! The serde `Serializer` of the dialect.

use std::marker::PhantomData;

use serde::{Serialize, Serializer};

use super::{
    EncodeError, Encoded,
    containers::{ArgumentEncoder, ContainerEncoder, StructEncoder, TupleEncoder},
    write_array_len, write_bool, write_int, write_map_len, write_nil, write_raw, write_raw_len, write_uint,
};
use crate::wire::{
    bytes,
    format::{ArgumentFormat, Format, PayloadFormat},
    scan::MAX_DEPTH,
    text,
};

pub(super) type EncoderResult<T = ()> = Result<T, EncodeError>;

/// The position of the next value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ValuePosition {
    /// The argument list, or its only argument. The head of a list of one is already written.
    List,
    /// An element of the argument list.
    Argument,
    /// Any other value.
    Plain,
}

/// Appends one value to a buffer.
///
/// In arguments large blobs become segments, and escapes in texts become their bytes.
pub(super) struct Encoder<'a, F> {
    pub(super) out: &'a mut Encoded,
    pub(super) depth: usize,
    pub(super) position: ValuePosition,
    /// Whether the last argument was `None`.
    pub(super) absent: bool,
    format: PhantomData<F>,
}

impl<'a> Encoder<'a, PayloadFormat> {
    pub(super) fn payload(out: &'a mut Encoded) -> Self {
        Self { out, depth: 0, position: ValuePosition::Plain, absent: false, format: PhantomData }
    }
}

impl<'a> Encoder<'a, ArgumentFormat> {
    pub(super) fn message(out: &'a mut Encoded) -> Self {
        // The frame and the list are open.
        Self { out, depth: 2, position: ValuePosition::List, absent: false, format: PhantomData }
    }

    #[inline]
    pub(super) fn write_list<T: Serialize + ?Sized>(&mut self, value: &T) -> EncoderResult {
        self.out.buf.push(0x91);
        value.serialize(self)
    }
}

impl<'a, F: Format> Encoder<'a, F> {
    /// Appends a name, which is never escaped.
    #[inline]
    pub(super) fn name(&mut self, name: &'static str) {
        write_raw(&mut self.out.buf, name.as_bytes());
    }

    fn raw(&mut self, raw: &[u8]) -> EncoderResult {
        if u32::try_from(raw.len()).is_err() {
            return Err(EncodeError::new("a text or blob of more than 4 GiB"));
        }
        if !F::IS_PAYLOAD
            && let Some(owner) = bytes::take_owner(raw)
        {
            write_raw_len(&mut self.out.buf, raw.len());
            self.out.segments.push((self.out.buf.len(), owner));
        } else {
            write_raw(&mut self.out.buf, raw);
        }
        Ok(())
    }

    /// Opens a container of `len` elements or entries. An unknown length is set when the container is closed.
    fn open<'w>(&'w mut self, len: Option<usize>, of: usize) -> EncoderResult<ContainerEncoder<'w, 'a, F>> {
        if self.depth == MAX_DEPTH {
            return Err(EncodeError::new("nested deeper than 32 levels"));
        }
        self.depth += 1;
        self.position = ValuePosition::Plain;
        let (start, declared) = (self.out.buf.len(), len.unwrap_or(0));
        if of == 1 {
            write_array_len(&mut self.out.buf, declared);
        } else {
            write_map_len(&mut self.out.buf, declared);
        }
        Ok(ContainerEncoder::new(self, start, declared, of))
    }

    /// Opens an enum variant with content: a map of the name of the variant to its content.
    fn variant(&mut self, name: &'static str) -> EncoderResult {
        self.open(Some(1), 2)?;
        self.name(name);
        Ok(())
    }

    /// Opens a struct of `len` fields.
    fn open_struct<'w>(&'w mut self, len: usize) -> EncoderResult<StructEncoder<'w, 'a, F>> {
        self.open(Some(len), if F::IS_PAYLOAD { 2 } else { 1 }).map(StructEncoder)
    }

    /// Replaces the head at `start`, for `declared` elements or entries, by one for `len`.
    pub(super) fn set_len(&mut self, start: usize, declared: usize, len: usize, of: usize) -> EncoderResult {
        if declared.max(len) < 16 {
            let family = if of == 1 { 0x90 } else { 0x80 };
            self.out.buf[start] = family | len.to_le_bytes()[0];
            return Ok(());
        }
        if u32::try_from(len).is_err() {
            return Err(EncodeError::new("a container of more than 4 billion elements"));
        }
        let head = |len| {
            let mut head = Vec::with_capacity(5);
            if of == 1 {
                write_array_len(&mut head, len);
            } else {
                write_map_len(&mut head, len);
            }
            head
        };
        let (old, new) = (head(declared).len(), head(len));
        for (at, _) in self.out.segments.iter_mut().rev().take_while(|(at, _)| *at > start) {
            *at = *at + new.len() - old;
        }
        self.out.buf.splice(start..start + old, new);
        Ok(())
    }
}

impl<'w, 'a, F: Format> Serializer for &'w mut Encoder<'a, F> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = ContainerEncoder<'w, 'a, F>;
    type SerializeTuple = TupleEncoder<'w, 'a, F>;
    type SerializeTupleStruct = ContainerEncoder<'w, 'a, F>;
    type SerializeTupleVariant = ContainerEncoder<'w, 'a, F>;
    type SerializeMap = ContainerEncoder<'w, 'a, F>;
    type SerializeStruct = StructEncoder<'w, 'a, F>;
    type SerializeStructVariant = StructEncoder<'w, 'a, F>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> EncoderResult {
        write_bool(&mut self.out.buf, value);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> EncoderResult {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> EncoderResult {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> EncoderResult {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> EncoderResult {
        write_int(&mut self.out.buf, value);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> EncoderResult {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> EncoderResult {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> EncoderResult {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> EncoderResult {
        write_uint(&mut self.out.buf, value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> EncoderResult {
        super::marked(&mut self.out.buf, 0xca, value.to_be_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> EncoderResult {
        super::marked(&mut self.out.buf, 0xcb, value.to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> EncoderResult {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> EncoderResult {
        if F::IS_PAYLOAD { self.raw(value.as_bytes()) } else { self.raw(&text::to_bytes(value)) }
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> EncoderResult {
        self.raw(value)
    }

    fn serialize_none(self) -> EncoderResult {
        self.absent = self.position == ValuePosition::Argument;
        write_nil(&mut self.out.buf);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> EncoderResult {
        self.position = ValuePosition::Plain;
        value.serialize(self)
    }

    fn serialize_unit(self) -> EncoderResult {
        if self.position == ValuePosition::List {
            self.out.buf.pop();
            write_array_len(&mut self.out.buf, 0);
        } else {
            write_nil(&mut self.out.buf);
        }
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> EncoderResult {
        self.open(Some(0), 1)?.close()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> EncoderResult {
        self.name(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> EncoderResult {
        if self.position == ValuePosition::List {
            self.position = ValuePosition::Plain;
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> EncoderResult {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.depth -= 1;
        Ok(())
    }

    fn serialize_seq(self, len: Option<usize>) -> EncoderResult<ContainerEncoder<'w, 'a, F>> {
        self.open(len, 1)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> EncoderResult<TupleEncoder<'w, 'a, F>> {
        if self.position != ValuePosition::List {
            return Ok(TupleEncoder::Plain(self.open(Some(len), 1)?));
        }
        self.out.buf.pop();
        let start = self.out.buf.len();
        write_array_len(&mut self.out.buf, len);
        Ok(TupleEncoder::ArgumentEncoder(ArgumentEncoder::new(self, start, len)))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> EncoderResult<ContainerEncoder<'w, 'a, F>> {
        self.open(Some(len), 1)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> EncoderResult<ContainerEncoder<'w, 'a, F>> {
        self.variant(variant)?;
        Ok(self.open(Some(len), 1)?.within_variant())
    }

    fn serialize_map(self, len: Option<usize>) -> EncoderResult<ContainerEncoder<'w, 'a, F>> {
        self.open(len, 2)
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> EncoderResult<StructEncoder<'w, 'a, F>> {
        self.open_struct(len)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> EncoderResult<StructEncoder<'w, 'a, F>> {
        self.variant(variant)?;
        self.open_struct(len).map(StructEncoder::within_variant)
    }
}
