//! An event as a stream of HTTP/1.1, for servers that read requests from sockets.

use std::{
    io::{self, IoSlice},
    mem,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use http::{HeaderValue, Request, Version, header};
use http_body::Body as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    body::Body,
    read_buffer::ReadBuffer,
    response::MAX_CHUNK,
    response_parser::ResponseParser,
    response_sink::{ResponseSink, connection_reset},
};
use crate::protocol::error::{Error, Result};

/// Replaces a TCP connection on which one request is read and one response is written.
///
/// The request has the header `Connection: close`. Once the response is complete, the event ends, reads return the end of
/// the stream, and further writes are discarded. Dropping the stream or shutting it down before that ends the event with
/// category 42, code 100.
#[derive(Debug)]
pub struct HttpStream {
    /// Bytes of the request that are ready to be read.
    unread: ReadBuffer,
    body: Body,
    framing: Framing,
    parser: ResponseParser,
    sink: Option<ResponseSink>,
    /// Woken when the response is complete: until then, a read behind the request waits.
    reader: Option<Waker>,
}

/// How the rest of the request's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// By Content-Length; this many bytes are left.
    Length(u64),
    Chunked,
    /// The whole body has been encoded.
    Complete,
}

impl HttpStream {
    pub(super) fn new(request: Request<Body>, sink: ResponseSink) -> Self {
        let (mut parts, body) = request.into_parts();
        let framing = frame_body(&mut parts, &body);
        let parser = ResponseParser::new(parts.method.clone());
        let unread = ReadBuffer::new(encode_head(&parts).into());
        Self { unread, body, framing, parser, sink: Some(sink), reader: None }
    }

    /// Returns the next part of the body, or `None` at its end.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<bytes::Bytes>>> {
        if self.framing == Framing::Complete {
            return Poll::Ready(Ok(None));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx)).transpose().map_err(connection_reset)?;
        let data = frame.and_then(|frame| frame.into_data().ok());
        let part = match (&mut self.framing, data) {
            (Framing::Length(0) | Framing::Complete, _) => {
                self.framing = Framing::Complete;
                return Poll::Ready(Ok(None));
            }
            (Framing::Length(left), Some(mut data)) => {
                data.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= data.len() as u64;
                data
            }
            (Framing::Length(left), None) => {
                let text = format!("the request is {left} bytes shorter than its Content-Length");
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, text)));
            }
            (Framing::Chunked, Some(data)) => {
                [format!("{:x}\r\n", data.len()).as_bytes(), &data, b"\r\n"].concat().into()
            }
            (Framing::Chunked, None) => {
                self.framing = Framing::Complete;
                bytes::Bytes::from_static(b"0\r\n\r\n")
            }
        };
        Poll::Ready(Ok(Some(part)))
    }

    /// Returns the next part of the request. At its end, waits until the response is complete.
    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<bytes::Bytes>>> {
        let part = ready!(self.poll_body(cx))?;
        if part.is_none() && self.sink.is_some() {
            // Not the end of the stream: a server would take it for a client that has disconnected.
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(part))
    }

    /// Ends the event and wakes the reader.
    fn end_event(&mut self, end: impl FnOnce(ResponseSink) -> Result<()>) -> io::Result<()> {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        self.sink.take().map_or(Ok(()), end).map_err(connection_reset)
    }

    fn fail(&mut self, text: String) -> io::Error {
        let failed = self.end_event(|sink| sink.fail(&Error::handler(&text)));
        failed.err().unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidData, text))
    }

    fn close(&mut self) -> io::Result<()> {
        if self.sink.is_none() {
            return Ok(());
        }
        match self.parser.close() {
            Ok(()) => self.end_event(|sink| sink.finish([])),
            Err(text) => Err(self.fail(text)),
        }
    }
}

impl AsyncRead for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut unread = mem::take(&mut self.unread);
        let polled = unread.poll_read(cx, buf, |cx| self.poll_request(cx));
        self.unread = unread;
        polled
    }
}

impl AsyncWrite for HttpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    /// Servers that find this need not copy the pieces of a body into a buffer of their own.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(sink) = &mut this.sink else {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        };
        ready!(sink.poll_room(cx));
        let (mut chunks, mut written) = (Vec::new(), 0);
        for buf in bufs {
            let buf = &buf[..buf.len().min(MAX_CHUNK - written)];
            if buf.is_empty() {
                continue;
            }
            if let Err(text) = this.parser.write(buf, &mut chunks) {
                return Poll::Ready(Err(this.fail(text)));
            }
            written += buf.len();
        }
        if this.parser.is_finished() {
            this.end_event(|sink| sink.finish(chunks))?;
        } else {
            for chunk in chunks {
                sink.queue(chunk).map_err(connection_reset)?;
            }
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.close())
    }
}

impl Drop for HttpStream {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// Chooses the framing of the body and sets the headers that declare it.
fn frame_body(parts: &mut http::request::Parts, body: &Body) -> Framing {
    let declared = parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::EXPECT);
    parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let known = body.size_hint().exact();
    let declared_length = || declared.as_ref()?.to_str().ok()?.parse().ok();
    if let Some(length) = known.or_else(declared_length) {
        if length > 0 || declared.is_some() {
            parts.headers.insert(header::CONTENT_LENGTH, length.into());
        }
        return Framing::Length(length);
    }
    // HTTP/1.0 has no chunked transfer coding.
    parts.version = Version::HTTP_11;
    parts.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    Framing::Chunked
}

fn encode_head(parts: &http::request::Parts) -> Vec<u8> {
    let mut head = format!("{} {} {:?}\r\n", parts.method, parts.uri, parts.version).into_bytes();
    let mut write = |name: &str, value: &[u8]| {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    };
    match parts.headers.get(header::HOST) {
        Some(host) => write("host", host.as_bytes()),
        // HTTP/1.1 requires the header, and servers reject requests without it.
        None if parts.version == Version::HTTP_11 => write("host", b""),
        None => {}
    }
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != header::HOST) {
        write(name.as_str(), value.as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}
