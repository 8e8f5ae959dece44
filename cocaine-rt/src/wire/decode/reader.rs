//! Reads values from a slice without serde.

use super::DecodeError;
use crate::wire::scan::{self, MAX_DEPTH};

type Result<T, E = DecodeError> = std::result::Result<T, E>;

/// A value, or the head of a container whose elements follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Nil,
    Bool(bool),
    /// A non-negative integer in any format.
    UInt(u64),
    /// A negative integer.
    Int(i64),
    F32(f32),
    F64(f64),
    /// A text or bytes.
    Raw(&'a [u8]),
    /// An array, with the number of its elements.
    Array(u32),
    /// A map, with the number of its entries.
    Map(u32),
}

impl Token<'_> {
    /// Returns the name of the type, with an article.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "a boolean",
            Self::UInt(_) => "an integer",
            Self::Int(_) => "a negative integer",
            Self::F32(_) | Self::F64(_) => "a float",
            Self::Raw(_) => "a text",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
        }
    }
}

/// A position in encoded bytes.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Returns a reader at the start of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns where the next value starts.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Returns how many bytes are not read yet.
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Returns the first byte of the next value, or `None` at the end.
    pub(crate) fn peek_marker(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Fails unless all bytes are read.
    pub(crate) fn end(&self) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            more => Err(DecodeError::new(format!("{more} bytes too many")).at(self.at)),
        }
    }

    /// Reads any value, or the head of a container.
    ///
    /// # Errors
    /// Fails if the bytes end within the value, or start with an invalid marker: `c1` or ext.
    #[inline]
    pub(crate) fn token(&mut self) -> Result<Token<'a>> {
        let start = self.at;
        self.next().ok_or_else(|| self.token_error(start))
    }

    #[inline]
    fn next(&mut self) -> Option<Token<'a>> {
        let marker = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(match marker {
            0x00..=0x7f => Token::UInt(u64::from(marker)),
            0x80..=0x8f => Token::Map(u32::from(marker & 0x0f)),
            0x90..=0x9f => Token::Array(u32::from(marker & 0x0f)),
            0xa0..=0xbf => Token::Raw(self.take(usize::from(marker & 0x1f))?),
            0xc0 => Token::Nil,
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4 | 0xd9 => {
                let len = u8::from_be_bytes(self.digits()?);
                Token::Raw(self.take(usize::from(len))?)
            }
            0xc5 | 0xda => {
                let len = u16::from_be_bytes(self.digits()?);
                Token::Raw(self.take(usize::from(len))?)
            }
            0xc6 | 0xdb => {
                let len = u32::from_be_bytes(self.digits()?);
                Token::Raw(self.take(len as usize)?)
            }
            0xca => Token::F32(f32::from_be_bytes(self.digits()?)),
            0xcb => Token::F64(f64::from_be_bytes(self.digits()?)),
            0xcc => Token::UInt(u8::from_be_bytes(self.digits()?).into()),
            0xcd => Token::UInt(u16::from_be_bytes(self.digits()?).into()),
            0xce => Token::UInt(u32::from_be_bytes(self.digits()?).into()),
            0xcf => Token::UInt(u64::from_be_bytes(self.digits()?)),
            0xd0 => signed(i8::from_be_bytes(self.digits()?)),
            0xd1 => signed(i16::from_be_bytes(self.digits()?)),
            0xd2 => signed(i32::from_be_bytes(self.digits()?)),
            0xd3 => signed(i64::from_be_bytes(self.digits()?)),
            0xdc => Token::Array(u16::from_be_bytes(self.digits()?).into()),
            0xdd => Token::Array(u32::from_be_bytes(self.digits()?)),
            0xde => Token::Map(u16::from_be_bytes(self.digits()?).into()),
            0xdf => Token::Map(u32::from_be_bytes(self.digits()?)),
            0xe0..=0xff => Token::Int(marker.cast_signed().into()),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return None,
        })
    }

    #[inline]
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..)?.get(..len)?;
        self.at += len;
        Some(taken)
    }

    #[inline]
    fn digits<const N: usize>(&mut self) -> Option<[u8; N]> {
        let digits = *self.bytes.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(digits)
    }

    #[cold]
    fn token_error(&self, start: usize) -> DecodeError {
        match self.bytes.get(start) {
            Some(marker @ (0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8)) => {
                DecodeError::new(format!("{marker:#04x} starts no value")).at(start)
            }
            Some(_) => DecodeError::new("the input ends within the value").at(start),
            None => DecodeError::new("the input ends").at(start),
        }
    }

    /// Reads a value that `convert` accepts.
    #[inline]
    fn expect<T>(&mut self, expected: &str, convert: impl FnOnce(Token<'a>) -> Option<T>) -> Result<T> {
        let start = self.at;
        let token = self.token()?;
        convert(token).ok_or_else(|| DecodeError::mismatch(expected, token.name(), start))
    }

    /// Reads nil.
    pub(crate) fn nil(&mut self) -> Result<()> {
        self.expect("nil", |token| (token == Token::Nil).then_some(()))
    }

    /// Reads a boolean. An integer is not accepted.
    pub(crate) fn bool(&mut self) -> Result<bool> {
        self.expect("a boolean", |token| if let Token::Bool(value) = token { Some(value) } else { None })
    }

    /// Reads a non-negative integer.
    pub(crate) fn uint(&mut self) -> Result<u64> {
        self.expect(
            "an unsigned integer",
            |token| if let Token::UInt(value) = token { Some(value) } else { None },
        )
    }

    /// Reads text or bytes.
    #[inline]
    pub(crate) fn raw(&mut self) -> Result<&'a [u8]> {
        if let Some(&marker @ 0xa0..=0xbf) = self.bytes.get(self.at)
            && let Some(raw) = self.bytes[self.at + 1..].get(..usize::from(marker & 0x1f))
        {
            self.at += 1 + raw.len();
            return Ok(raw);
        }
        self.expect("a text", |token| if let Token::Raw(raw) = token { Some(raw) } else { None })
    }

    /// Reads the head of an array; returns the number of its elements. It is not validated: do not allocate by it.
    #[inline]
    pub(crate) fn array_len(&mut self) -> Result<u32> {
        if let Some(marker @ 0x90..=0x9f) = self.peek_marker() {
            self.at += 1;
            return Ok(u32::from(marker & 0x0f));
        }
        self.expect("an array", |token| if let Token::Array(len) = token { Some(len) } else { None })
    }

    /// Skips elements of the outermost array.
    #[cfg(feature = "http")]
    pub(crate) fn skip(&mut self, elements: u32) -> Result<()> {
        (0..elements).try_for_each(|_| self.skip_within(1))
    }

    /// Skips one value within `open` containers.
    pub(super) fn skip_within(&mut self, open: usize) -> Result<()> {
        let start = self.at;
        if let Some(width) = self.peek_marker().and_then(scan::width)
            && width <= self.remaining()
        {
            self.at += width;
            return Ok(());
        }
        let values = match self.token()? {
            Token::Array(len) => u64::from(len),
            Token::Map(len) => 2 * u64::from(len),
            _ => return Ok(()),
        };
        if open == MAX_DEPTH {
            return Err(DecodeError::new("nested deeper than 32 levels").at(start));
        }
        (0..values).try_for_each(|_| self.skip_within(open + 1))
    }
}

fn signed<'a>(value: impl Into<i64>) -> Token<'a> {
    let value = value.into();
    u64::try_from(value).map_or(Token::Int(value), Token::UInt)
}
