//! Workers that serve HTTP events of a scripted node.

mod listener;
mod malformed;
mod replay;
mod service;

use axum::{
    Router,
    body::Body as AxumBody,
    http::{HeaderMap as AxumHeaders, Method, StatusCode, Uri},
    response::{AppendHeaders, IntoResponse},
    routing::{any, get, post},
};
use http::HeaderMap;
use tokio::io::AsyncReadExt;

use super::{decode_response_head, encode_request_chunk};
use crate::{
    Worker,
    tests::peer::Peer,
    wire::{bytes::Bytes, decode::Reader},
    worker::tests::{HELLO, serve as serve_over, serve_with_credit, worker},
};

/// The last frame of an event.
#[derive(Debug, PartialEq)]
enum EventEnd {
    Closed,
    /// Category, code and message.
    Error(u64, u64, String),
}

/// All chunks of an event's response, and its last frame.
#[derive(Debug, PartialEq)]
struct EventResponse {
    chunks: Vec<Bytes>,
    end: EventEnd,
}

/// A node with one worker, whose frames it reads.
struct Node {
    peer: Peer,
    read: Vec<u8>,
}

impl Node {
    /// Starts the worker and waits for its handshake.
    async fn start(worker: Worker) -> Self {
        let (mut peer, _served) = serve_over(worker, ());
        peer.expect(HELLO).await;
        Self { peer, read: Vec::new() }
    }

    /// Sends an event with one chunk, closes it, and reads the response.
    async fn request(&mut self, channel: u64, event: &str, chunk: &Bytes) -> EventResponse {
        self.peer.send(channel, 0, (event,)).await;
        self.peer.send(channel, 0, (chunk,)).await;
        self.peer.send(channel, 2, ()).await;
        self.response(channel).await
    }

    /// Reads the frames of an event up to the last one.
    async fn response(&mut self, channel: u64) -> EventResponse {
        let mut chunks = Vec::new();
        loop {
            match self.frame(channel).await {
                Ok(chunk) => chunks.push(chunk),
                Err(end) => return EventResponse { chunks, end },
            }
        }
    }

    /// Reads the next frame of an event: a chunk or the end.
    async fn frame(&mut self, channel: u64) -> Result<Bytes, EventEnd> {
        loop {
            if let Some((id, frame, len)) = parse_frame(&self.read) {
                self.read.drain(..len);
                if id == channel {
                    return frame;
                }
                assert_eq!(id, 1, "a frame of another event: {frame:?}");
                continue;
            }
            let mut more = vec![0; 1 << 16];
            let len = self.peer.io.read(&mut more).await.unwrap();
            assert_ne!(len, 0, "the worker has left");
            self.read.extend_from_slice(&more[..len]);
        }
    }
}

/// Parses the first frame. Returns its channel, its message and its length.
fn parse_frame(bytes: &[u8]) -> Option<(u64, Result<Bytes, EventEnd>, usize)> {
    let mut reader = Reader::new(bytes);
    reader.array_len().ok()?;
    let (id, kind) = (reader.uint().ok()?, reader.uint().ok()?);
    let args = reader.array_len().ok()?;
    let frame = match (kind, args) {
        (0, 0) | (2, _) => Err(EventEnd::Closed),
        (0, _) => Ok(reader.raw().ok()?.into()),
        _ => {
            reader.array_len().ok()?;
            let (category, code) = (reader.uint().ok()?, reader.uint().ok()?);
            Err(EventEnd::Error(category, code, String::from_utf8(reader.raw().ok()?.to_vec()).ok()?))
        }
    };
    Some((id, frame, reader.position()))
}

impl EventResponse {
    /// Returns status, headers and body. Panics if the event has failed.
    fn http(&self) -> (u16, HeaderMap, Vec<u8>) {
        assert_eq!(self.end, EventEnd::Closed, "{self:?}");
        let (status, headers) = decode_response_head(&self.chunks[0]).unwrap();
        assert!(self.chunks[1..].iter().all(|chunk| !chunk.is_empty()), "an empty chunk may end the body");
        let body = self.chunks[1..].iter().flat_map(|chunk| chunk.to_vec()).collect();
        (status.as_u16(), headers, body)
    }
}

/// Encodes a request as a gateway does.
fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &[u8]) -> Bytes {
    let mut request = http::Request::builder().method(method).uri(uri).header("host", "h");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    encode_request_chunk(&request.body(()).unwrap().into_parts().0, body)
}

/// A plain axum app, without any reference to a cloud.
fn app() -> Router {
    let pieces = || async {
        AxumBody::from_stream(futures_util::stream::iter(
            ["one, ", "", "two, ", "three"].map(Ok::<_, std::convert::Infallible>),
        ))
    };
    let broken = || async {
        AxumBody::from_stream(futures_util::stream::iter([Ok("part"), Err(std::io::Error::other("no more"))]))
    };
    let cookies = || async { (AppendHeaders([("set-cookie", "a=1"), ("set-cookie", "b=2")]), "ok") };
    let hop = || async {
        let headers =
            [("connection", "x-private"), ("keep-alive", "timeout=5"), ("x-private", "p"), ("x-kept", "k")];
        (AppendHeaders(headers), "ok")
    };
    Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/echo", post(|body: bytes::Bytes| async { body }))
        .route("/pieces", get(pieces))
        .route("/broken", get(broken))
        .route("/cookies", get(cookies))
        .route("/hop", get(hop))
        .route("/nothing", get(|| async { StatusCode::NO_CONTENT }))
        .route("/same", get(|| async { (StatusCode::NOT_MODIFIED, [("etag", "\"v1\"")]) }))
        .route("/empty", get(|| async {}))
        .route("/large", get(|| async { vec![b'x'; 5 << 20] }))
        .fallback(any(describe_request))
}

/// Responds with a description of the request.
async fn describe_request(
    method: Method,
    uri: Uri,
    headers: AxumHeaders,
    body: bytes::Bytes,
) -> impl IntoResponse {
    let names: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii())).collect();
    format!("{method} {uri}\n{}\n\n{}", names.join("\n"), body.escape_ascii())
}

/// Creates a worker that serves the app twice: as a service and behind a listener.
fn worker_with_service_and_listener() -> Worker {
    let mut worker = worker().http("service", app()).http_inline("inline", app());
    let listener = worker.listen("listener");
    tokio::spawn(axum::serve(listener, app()).into_future());
    worker
}
