//! The `MessagePack` encoding of requests and response heads (`worker.md` 6.1, 6.2).
//!
//! Encoding follows the specification. Decoding is lenient where nothing is lost: headers may be a list or a map, names and
//! values may be strings, bytes or integers, and surplus elements are skipped.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, request};

use crate::{
    protocol::error::{Error, Result},
    wire::{
        bytes::{self, Bytes},
        decode::{DecodeError, Reader, Token},
        encode,
    },
};

type DecodeResult<T> = std::result::Result<T, DecodeError>;

/// A decoded request chunk. The elements are not validated as HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestChunk {
    /// The method, as the client sent it.
    pub method: Bytes,
    /// Path and query.
    pub uri: Bytes,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// Names and values in their original order. Names may be invalid: one of the original proxies adds a pair for each
    /// cookie.
    pub headers: Vec<(Bytes, Bytes)>,
    /// The body, or its first part if more chunks follow.
    pub body: Bytes,
}

impl RequestChunk {
    /// Decodes `[method, uri, version, headers, body]`. A body of 4 KiB or more is a slice of the chunk. The version may
    /// have the prefix `HTTP/`, and the body may be missing.
    ///
    /// # Errors
    /// `ErrorKind::Decode`, which names the element, if the chunk is not a request or has more than 8,192 headers.
    pub fn decode(chunk: &Bytes) -> Result<Self> {
        let _restore = bytes::set_source(chunk.handle());
        Self::decode_elements(chunk)
            .map_err(|malformed| Error::decode(format!("the chunk is not an HTTP request: {malformed}")))
    }

    fn decode_elements(chunk: &Bytes) -> DecodeResult<Self> {
        let reader = &mut Reader::new(chunk);
        let len = reader.array_len()?;
        if len < 4 {
            return Err(DecodeError::new(format!("it has {len} elements of 5")));
        }
        let method = bytes::part_of(chunk, reader.raw()?);
        let uri = bytes::part_of(chunk, reader.raw()?);
        let version = decode_version(reader.raw()?)?;
        let mut headers = Vec::new();
        for_each_header(reader, |name, value| {
            headers.push((bytes::part_of(chunk, name), bytes::part_of(chunk, value)));
            Ok(())
        })?;
        let body = if len < 5 { Bytes::new() } else { bytes::part_of(chunk, reader.raw()?) };
        reader.skip(len.saturating_sub(5))?;
        reader.end()?;
        Ok(Self { method, uri, version, headers, body })
    }
}

/// Encodes a request: the path and query of its URI, the headers in their order. Names are written as in `X-Request-Id`.
/// Repeated headers are not joined.
pub fn encode_request_chunk(parts: &request::Parts, body: &[u8]) -> Bytes {
    let uri = parts.uri.path_and_query().map_or("/", |uri| uri.as_str());
    let mut chunk =
        Vec::with_capacity(HEADER_CAPACITY + uri.len() + parts.headers.len() * HEADER_CAPACITY + body.len());
    encode::write_array_len(&mut chunk, 5);
    encode::write_raw(&mut chunk, parts.method.as_str().as_bytes());
    encode::write_raw(&mut chunk, uri.as_bytes());
    encode::write_raw(&mut chunk, if parts.version == Version::HTTP_10 { b"1.0" } else { b"1.1" });
    encode_headers(&mut chunk, &parts.headers);
    encode::write_raw(&mut chunk, body);
    chunk.into()
}

/// Encodes the first chunk of a response, `[status, headers]`. Names are written as in `Content-Type`. Repeated headers,
/// such as `Set-Cookie`, are not joined.
pub fn encode_response_head(status: StatusCode, headers: &HeaderMap) -> Bytes {
    let mut chunk = Vec::with_capacity(HEADER_CAPACITY + headers.len() * HEADER_CAPACITY);
    encode::write_array_len(&mut chunk, 2);
    encode::write_uint(&mut chunk, status.as_u16().into());
    encode_headers(&mut chunk, headers);
    chunk.into()
}

/// Decodes the first chunk of a response. Invalid headers are skipped, with a warning in the log.
///
/// # Errors
/// `ErrorKind::Decode` if the chunk is not `[status, headers]`, if the status is not a final one (200 to 999), or if there
/// are more than 8,192 headers.
pub fn decode_response_head(chunk: &Bytes) -> Result<(StatusCode, HeaderMap)> {
    decode_head(chunk).map_err(|malformed| {
        Error::decode(format!("the first chunk of the response is not [status, headers]: {malformed}"))
    })
}

fn decode_head(chunk: &Bytes) -> DecodeResult<(StatusCode, HeaderMap)> {
    let reader = &mut Reader::new(chunk);
    let len = reader.array_len()?;
    if len < 2 {
        return Err(DecodeError::new(format!("it has {len} elements of 2")));
    }
    let status = decode_status(reader.token()?)?;
    let mut headers = HeaderMap::new();
    for_each_header(reader, |name, value| {
        let Some((name, value)) = parse_header(name, bytes::part_of(chunk, value)) else {
            let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
            tracing::warn!(%name, %value, "a header that HTTP does not allow is left out");
            return Ok(());
        };
        let appended = headers.try_append(name, value);
        appended.map(drop).map_err(|_| DecodeError::new("it has too many headers"))
    })?;
    reader.skip(len - 2)?;
    reader.end()?;
    Ok((status, headers))
}

fn decode_status(token: Token<'_>) -> DecodeResult<StatusCode> {
    let code = match token {
        Token::UInt(code) => u16::try_from(code).ok().filter(|code| *code >= 200),
        other => return Err(DecodeError::new(format!("the status is {}", other.name()))),
    };
    let status = code.and_then(|code| StatusCode::from_u16(code).ok());
    status.ok_or_else(|| DecodeError::new("the status is not between 200 and 999"))
}

/// Returns a name and a value as a header, or `None` if HTTP does not allow it.
pub(super) fn parse_header(name: &[u8], value: Bytes) -> Option<(HeaderName, HeaderValue)> {
    let value = ::bytes::Bytes::from(value);
    let trimmed = value.slice_ref(value.trim_ascii());
    Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_maybe_shared(trimmed).ok()?))
}

fn decode_version(text: &[u8]) -> DecodeResult<Version> {
    match text.strip_prefix(b"HTTP/").unwrap_or(text) {
        b"1.0" => Ok(Version::HTTP_10),
        // A peer of a later minor version understands HTTP/1.1.
        [b'1', b'.', b'1'..=b'9'] => Ok(Version::HTTP_11),
        _ => Err(DecodeError::new(format!("the version is {:?}", Bytes::from(text)))),
    }
}

/// The maximum number of headers. A `HeaderMap` can hold more, so that adding a few never fails.
const MAX_HEADERS: usize = 8192;

/// Calls `visit` with each header of a list of pairs or of a map.
fn for_each_header(
    reader: &mut Reader<'_>,
    mut visit: impl FnMut(&[u8], &[u8]) -> DecodeResult<()>,
) -> DecodeResult<()> {
    match reader.token()? {
        Token::Array(len) | Token::Map(len) if len as usize > MAX_HEADERS => {
            return Err(DecodeError::new(format!("it has {len} headers, and {MAX_HEADERS} are the most")));
        }
        Token::Array(len) => {
            for _ in 0..len {
                let parts = reader.array_len()?;
                if parts < 2 {
                    return Err(DecodeError::new(format!("a header has {parts} elements of 2")));
                }
                visit(&decode_text(reader)?, &decode_text(reader)?)?;
                reader.skip(parts - 2)?;
            }
        }
        Token::Map(len) => {
            for _ in 0..len {
                visit(&decode_text(reader)?, &decode_text(reader)?)?;
            }
        }
        other => return Err(DecodeError::new(format!("the headers are {}", other.name()))),
    }
    Ok(())
}

/// Decodes a name or a value. An integer becomes its decimal digits.
fn decode_text<'a>(reader: &mut Reader<'a>) -> DecodeResult<Cow<'a, [u8]>> {
    match reader.token()? {
        Token::Raw(raw) => Ok(raw.into()),
        Token::UInt(number) => Ok(number.to_string().into_bytes().into()),
        Token::Int(number) => Ok(number.to_string().into_bytes().into()),
        other => Err(DecodeError::new(format!("a header holds {}", other.name()))),
    }
}

/// A rough size of one encoded header.
const HEADER_CAPACITY: usize = 64;

fn encode_headers(chunk: &mut Vec<u8>, headers: &HeaderMap) {
    encode::write_array_len(chunk, headers.len());
    for (name, value) in headers {
        encode::write_array_len(chunk, 2);
        encode::write_raw(chunk, name.as_str().as_bytes());
        let start = chunk.len() - name.as_str().len();
        title_case(&mut chunk[start..]);
        encode::write_raw(chunk, value.as_bytes());
    }
}

/// Capitalizes the first letter of each word.
fn title_case(name: &mut [u8]) {
    let mut first = true;
    for byte in name {
        if first {
            byte.make_ascii_uppercase();
        }
        first = !byte.is_ascii_alphanumeric();
    }
}

#[cfg(test)]
mod tests;
