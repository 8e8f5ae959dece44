//! Parses the HTTP/1.1 response that a server writes, and encodes it as the chunks of an event.

use http::{HeaderMap, Method, StatusCode, header};

use super::{
    chunked::ChunkedDecoder,
    codec::{self, encode_response_head},
    content::ends_with_head,
    hop_by_hop::remove_hop_by_hop,
    response::{MAX_CHUNK, correct_content_length},
};
use crate::wire::bytes::Bytes;

/// The maximum length of a head, and the maximum number of headers.
const MAX_HEAD: usize = 256 << 10;
const MAX_HEADERS: usize = 1024;

/// Parses one response.
#[derive(Debug)]
pub(super) struct ResponseParser {
    method: Method,
    state: State,
}

#[derive(Debug)]
enum State {
    /// In the head, of which these bytes have been written.
    Head(Vec<u8>),
    /// In a body, of which this many bytes are left.
    Length(u64),
    Chunked(ChunkedDecoder),
    /// In a body that ends with the stream.
    UntilClosed,
    Finished,
}

/// The parsed head of a response.
struct ResponseHead {
    status: StatusCode,
    headers: HeaderMap,
    /// Its encoded length.
    len: usize,
}

impl ResponseParser {
    /// Creates a parser of the response to a request with this method.
    pub(super) fn new(method: Method) -> Self {
        Self { method, state: State::Head(Vec::new()) }
    }

    /// Returns whether the response is complete.
    pub(super) fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// Parses bytes that the server has written, and appends the resulting chunks. Bytes after the response are skipped.
    ///
    /// # Errors
    /// If the response is invalid; the error says why.
    pub(super) fn write(&mut self, input: &[u8], chunks: &mut Vec<Bytes>) -> Result<(), String> {
        let State::Head(head) = &mut self.state else { return self.parse_body(input, chunks) };
        let mut pending = std::mem::take(head);
        pending.extend_from_slice(input);
        let Some(start) = self.parse_heads(&mut pending, chunks)? else {
            self.state = State::Head(pending);
            return Ok(());
        };
        self.parse_body(&pending[start..], chunks)
    }

    /// Ends the input.
    ///
    /// # Errors
    /// If the response is incomplete; the error says what is missing.
    pub(super) fn close(&mut self) -> Result<(), String> {
        let missing = match &self.state {
            State::UntilClosed | State::Finished => None,
            State::Head(head) if head.is_empty() => {
                Some("the server closed the stream without a response".into())
            }
            State::Head(_) => Some("the server closed the stream within the head of its response".into()),
            State::Length(left) => {
                Some(format!("the response is {left} bytes shorter than its Content-Length"))
            }
            State::Chunked(_) => {
                Some("the server closed the stream before the last chunk of its response".into())
            }
        };
        self.state = State::Finished;
        missing.map_or(Ok(()), Err)
    }

    /// Parses heads up to the final one, skipping interim ones. Returns the offset of the body.
    fn parse_heads(
        &mut self,
        pending: &mut Vec<u8>,
        chunks: &mut Vec<Bytes>,
    ) -> Result<Option<usize>, String> {
        loop {
            let Some(head) = parse_head(pending)? else { return Ok(None) };
            if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
                pending.drain(..head.len);
                continue;
            }
            let len = head.len;
            self.start_response(head, chunks)?;
            return Ok(Some(len));
        }
    }

    /// Encodes the final head and selects the framing of the body.
    fn start_response(&mut self, head: ResponseHead, chunks: &mut Vec<Bytes>) -> Result<(), String> {
        let ResponseHead { status, mut headers, .. } = head;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err("the server wants to switch protocols, which events do not support".into());
        }
        self.state = body_framing(&headers)?;
        if matches!(self.state, State::Chunked(_)) {
            headers.remove(header::CONTENT_LENGTH);
        }
        remove_hop_by_hop(&mut headers);
        if ends_with_head(&self.method, status) {
            correct_content_length(status, &mut headers);
            self.state = State::Finished;
        }
        chunks.push(encode_response_head(status, &headers));
        Ok(())
    }

    fn parse_body(&mut self, mut input: &[u8], chunks: &mut Vec<Bytes>) -> Result<(), String> {
        let ended = match &mut self.state {
            State::Length(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                chunks.extend(split_into_chunks(&input[..len]));
                *left -= len as u64;
                *left == 0
            }
            State::Chunked(decoder) => {
                while let Some(data) = decoder.decode(&mut input)? {
                    chunks.extend(split_into_chunks(data));
                }
                decoder.is_finished()
            }
            State::UntilClosed => {
                chunks.extend(split_into_chunks(input));
                false
            }
            State::Head(_) | State::Finished => false,
        };
        if ended {
            self.state = State::Finished;
        }
        Ok(())
    }
}

fn split_into_chunks(data: &[u8]) -> impl Iterator<Item = Bytes> {
    data.chunks(MAX_CHUNK).map(Bytes::from)
}

fn parse_head(bytes: &[u8]) -> Result<Option<ResponseHead>, String> {
    let mut headers = vec![httparse::EMPTY_HEADER; 64];
    loop {
        let mut response = httparse::Response::new(&mut headers);
        let len = match response.parse(bytes) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD => {
                return Err(format!("the head of the response is longer than {MAX_HEAD} bytes"));
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) if headers.len() < MAX_HEADERS => {
                headers = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
                continue;
            }
            Err(error) => return Err(format!("the server did not write a valid response: {error}")),
        };
        let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or("the response has no status")?;
        let pairs = response
            .headers
            .iter()
            .filter_map(|header| codec::parse_header(header.name.as_bytes(), header.value.into()));
        return Ok(Some(ResponseHead { status, headers: pairs.collect(), len }));
    }
}

/// Returns the state in which the body is parsed (RFC 9112, 6.3).
fn body_framing(headers: &HeaderMap) -> Result<State, String> {
    if let Some(coding) = headers.get_all(header::TRANSFER_ENCODING).iter().next_back() {
        return if coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            Ok(State::Chunked(ChunkedDecoder::default()))
        } else {
            Err(format!("the response has the transfer coding {coding:?}, which is not supported"))
        };
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return Ok(State::UntilClosed) };
    if lengths.any(|other| other != first) {
        return Err("the response has several values of Content-Length".into());
    }
    let length = first.to_str().ok().filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()));
    match length.and_then(|length| length.parse().ok()) {
        Some(0) => Ok(State::Finished),
        Some(length) => Ok(State::Length(length)),
        None => Err(format!("the response has a Content-Length of {first:?}")),
    }
}
