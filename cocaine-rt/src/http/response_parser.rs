//! HTTP/1.1 as a server writes it, turned into the chunks of an answer.

use http::{HeaderMap, Method, StatusCode, header};

use super::{
    chunked::Chunked,
    codec::{self, write_meta},
    content::ends_with_head,
    hop_by_hop::end_to_end,
    response::{PIECE, correct_length},
};
use crate::wire::bytes::Bytes;

/// The most bytes of a head, and the most headers.
const HEAD: usize = 256 << 10;
const HEADERS: usize = 1024;

/// Reads one answer.
#[derive(Debug)]
pub(super) struct Parser {
    method: Method,
    state: State,
}

#[derive(Debug)]
enum State {
    /// What has come of the head.
    Head(Vec<u8>),
    /// So many bytes of a body.
    Length(u64),
    Chunked(Chunked),
    /// A body that ends with the stream.
    UntilClosed,
    Ended,
}

/// The head of an answer.
struct Head {
    status: StatusCode,
    headers: HeaderMap,
    /// How long it is.
    len: usize,
}

impl Parser {
    /// Returns what reads the answer to a request of this method.
    pub(super) fn new(method: Method) -> Self {
        Self { method, state: State::Head(Vec::new()) }
    }

    /// Returns whether the answer is whole.
    pub(super) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Takes what the server has written, and appends the chunks that it makes. What comes after the answer is passed over.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub(super) fn write(&mut self, input: &[u8], chunks: &mut Vec<Bytes>) -> Result<(), String> {
        let State::Head(head) = &mut self.state else { return self.body(input, chunks) };
        let mut pending = std::mem::take(head);
        pending.extend_from_slice(input);
        let Some(start) = self.heads(&mut pending, chunks)? else {
            self.state = State::Head(pending);
            return Ok(());
        };
        self.body(&pending[start..], chunks)
    }

    /// Ends the answer: the server writes no more.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn close(&mut self) -> Result<(), String> {
        let missing = match &self.state {
            State::UntilClosed | State::Ended => None,
            State::Head(head) if head.is_empty() => {
                Some("the server closed the stream without an answer".into())
            }
            State::Head(_) => Some("the server closed the stream within the head of its answer".into()),
            State::Length(left) => {
                Some(format!("the answer is {left} bytes shorter than its Content-Length"))
            }
            State::Chunked(_) => {
                Some("the server closed the stream before the last chunk of its answer".into())
            }
        };
        self.state = State::Ended;
        missing.map_or(Ok(()), Err)
    }

    /// Reads heads until one that is not interim; returns where the body starts.
    fn heads(&mut self, pending: &mut Vec<u8>, chunks: &mut Vec<Bytes>) -> Result<Option<usize>, String> {
        loop {
            let Some(head) = parse(pending)? else { return Ok(None) };
            if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
                pending.drain(..head.len);
                continue;
            }
            let len = head.len;
            self.begin(head, chunks)?;
            return Ok(Some(len));
        }
    }

    /// Begins the answer whose head has come.
    fn begin(&mut self, head: Head, chunks: &mut Vec<Bytes>) -> Result<(), String> {
        let Head { status, mut headers, .. } = head;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err("the server wants to switch protocols, which an event cannot".into());
        }
        self.state = framing(&headers)?;
        if matches!(self.state, State::Chunked(_)) {
            headers.remove(header::CONTENT_LENGTH);
        }
        end_to_end(&mut headers);
        if ends_with_head(&self.method, status) {
            correct_length(status, &mut headers);
            self.state = State::Ended;
        }
        chunks.push(write_meta(status, &headers));
        Ok(())
    }

    fn body(&mut self, mut input: &[u8], chunks: &mut Vec<Bytes>) -> Result<(), String> {
        let ended = match &mut self.state {
            State::Length(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                chunks.extend(pieces(&input[..len]));
                *left -= len as u64;
                *left == 0
            }
            State::Chunked(chunked) => {
                while let Some(data) = chunked.take(&mut input)? {
                    chunks.extend(pieces(data));
                }
                chunked.is_ended()
            }
            State::UntilClosed => {
                chunks.extend(pieces(input));
                false
            }
            State::Head(_) | State::Ended => false,
        };
        if ended {
            self.state = State::Ended;
        }
        Ok(())
    }
}

fn pieces(data: &[u8]) -> impl Iterator<Item = Bytes> {
    data.chunks(PIECE).map(Bytes::from)
}

fn parse(bytes: &[u8]) -> Result<Option<Head>, String> {
    let mut places = vec![httparse::EMPTY_HEADER; 64];
    loop {
        let mut response = httparse::Response::new(&mut places);
        let len = match response.parse(bytes) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) if bytes.len() > HEAD => {
                return Err(format!("the head of the answer is longer than {HEAD} bytes"));
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) if places.len() < HEADERS => {
                places = vec![httparse::EMPTY_HEADER; HEADERS];
                continue;
            }
            Err(error) => return Err(format!("what the server wrote is no answer: {error}")),
        };
        let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or("what the server wrote has no status")?;
        let pairs =
            response.headers.iter().filter_map(|header| codec::pair(header.name.as_bytes(), header.value));
        return Ok(Some(Head { status, headers: pairs.collect(), len }));
    }
}

/// Returns how the body is framed (RFC 9112, 6.3).
fn framing(headers: &HeaderMap) -> Result<State, String> {
    if let Some(coding) = headers.get_all(header::TRANSFER_ENCODING).iter().next_back() {
        return if coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            Ok(State::Chunked(Chunked::default()))
        } else {
            Err(format!("the answer has the transfer coding {coding:?}, which is not known here"))
        };
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return Ok(State::UntilClosed) };
    if lengths.any(|other| other != first) {
        return Err("the answer has several values of Content-Length".into());
    }
    let length = first.to_str().ok().filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()));
    match length.and_then(|length| length.parse().ok()) {
        Some(0) => Ok(State::Ended),
        Some(length) => Ok(State::Length(length)),
        None => Err(format!("the answer has a Content-Length of {first:?}")),
    }
}
