//! A request as an app gets it: its body in one piece, and the headers that concern it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use cocaine::http::{end_to_end, write_request};
use http::{HeaderValue, Method, StatusCode, Version, header, request, uri::PathAndQuery};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::gateway::http::error::Failure;

/// What a client must send a second, on average, once its time for the beginning has passed.
const PACE: u64 = 4096;

/// The bodies that are held at once.
#[derive(Clone, Debug)]
pub(crate) struct Buffer {
    held: Arc<AtomicUsize>,
    limit: usize,
    /// Bytes of one body.
    body: usize,
    patience: Duration,
}

/// A body that is held.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    _room: Room,
}

/// A part of the buffer.
#[derive(Debug)]
struct Room {
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Buffer {
    pub(crate) fn new(limit: usize, body: usize, patience: Duration) -> Self {
        Self { held: Arc::default(), limit, body, patience }
    }

    /// Returns the whole body.
    ///
    /// # Errors
    /// 413 for one that is too long, 408 for one that does not come, 503 if too much is held already, 400 for one that
    /// is broken.
    pub(crate) async fn collect(&self, mut body: Incoming) -> Result<Held, Failure> {
        let mut room = Room { held: self.held.clone(), bytes: 0 };
        if body.is_end_stream() {
            return Ok(Held { bytes: Bytes::new(), _room: room });
        }
        if body.size_hint().lower() > self.body as u64 {
            return Err(self.too_long());
        }
        let start = Instant::now();
        let (mut first, mut more) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = self.next(&mut body, start, first.len() + more.len()).await? {
            let Ok(data) = frame.into_data() else { continue };
            self.hold(&mut room, data.len())?;
            if first.is_empty() && more.is_empty() {
                first = data;
            } else {
                more.extend_from_slice(&std::mem::take(&mut first));
                more.extend_from_slice(&data);
            }
        }
        let bytes = if more.is_empty() { first } else { more.freeze() };
        Ok(Held { bytes, _room: room })
    }

    async fn next(
        &self,
        body: &mut Incoming,
        start: Instant,
        have: usize,
    ) -> Result<Option<http_body::Frame<Bytes>>, Failure> {
        let deadline = start + self.patience + Duration::from_secs(have as u64 / PACE);
        let Ok(frame) = timeout_at(deadline, body.frame()).await else {
            let text =
                format!("the body of the request is too slow: {have} bytes came in {:?}", start.elapsed());
            return Err(Failure::new(StatusCode::REQUEST_TIMEOUT, text));
        };
        frame.transpose().map_err(|error| {
            Failure::new(StatusCode::BAD_REQUEST, format!("the body of the request is broken: {error}"))
        })
    }

    fn hold(&self, room: &mut Room, more: usize) -> Result<(), Failure> {
        room.bytes += more;
        let held = self.held.fetch_add(more, Ordering::Relaxed) + more;
        if room.bytes > self.body {
            return Err(self.too_long());
        }
        if held > self.limit {
            let text = "too many large requests at once: try again later";
            return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        Ok(())
    }

    fn too_long(&self) -> Failure {
        let text =
            format!("the body of the request is longer than {} bytes (`http.request_body`)", self.body);
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    }
}

/// Checks what could be understood in more than one way, and what is not done here.
///
/// # Errors
/// 405 for a tunnel, 501 for a coding of the body other than chunks, 400 for a second `Host`.
pub(crate) fn check(parts: &request::Parts) -> Result<(), Failure> {
    if parts.method == Method::CONNECT {
        return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "no tunnels are made here"));
    }
    let mut codings = parts.headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = |coding: &HeaderValue| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    if !codings.next().is_none_or(chunked) || codings.next().is_some() {
        let text = "the only Transfer-Encoding that is understood is one `chunked`";
        return Err(Failure::new(StatusCode::NOT_IMPLEMENTED, text));
    }
    if parts.headers.get_all(header::HOST).iter().nth(1).is_some() {
        return Err(Failure::new(StatusCode::BAD_REQUEST, "the header host is repeated"));
    }
    Ok(())
}

/// Returns the chunk that an app gets, without the headers that concern the client's connection. A body that came in
/// chunks has a length now; the host of an absolute URI is the `Host`.
pub(crate) fn chunk(mut parts: request::Parts, uri: PathAndQuery, body: &[u8]) -> cocaine::Bytes {
    let chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
    end_to_end(&mut parts.headers);
    parts.headers.remove(header::EXPECT);
    if chunked {
        parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
    }
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(header::HOST, host);
    }
    parts.uri = uri.into();
    if parts.version != Version::HTTP_10 {
        parts.version = Version::HTTP_11;
    }
    write_request(&parts, body)
}
