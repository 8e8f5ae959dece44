//! Requests as a node hands them over, and the chunks that answer them.

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
    worker::tests::{HELLO, serve as serve_over, worker},
};

/// How an event has ended.
#[derive(Debug, PartialEq)]
enum End {
    Closed,
    /// Category, code and text.
    Error(u64, u64, String),
}

/// What has answered an event.
#[derive(Debug, PartialEq)]
struct Answer {
    chunks: Vec<Bytes>,
    end: End,
}

/// A node that reads frames.
struct Node {
    peer: Peer,
    read: Vec<u8>,
}

impl Node {
    /// Starts a worker of this node.
    async fn of(worker: Worker) -> Self {
        let (mut peer, _served) = serve_over(worker, ());
        peer.expect(HELLO).await;
        Self { peer, read: Vec::new() }
    }

    /// Begins an event with a request chunk, and closes it.
    async fn ask(&mut self, channel: u64, event: &str, chunk: &Bytes) -> Answer {
        self.peer.send(channel, 0, (event,)).await;
        self.peer.send(channel, 0, (chunk,)).await;
        self.peer.send(channel, 2, ()).await;
        self.answer(channel).await
    }

    /// Reads an event's frames to its end.
    async fn answer(&mut self, channel: u64) -> Answer {
        let mut chunks = Vec::new();
        loop {
            match self.frame(channel).await {
                Ok(chunk) => chunks.push(chunk),
                Err(end) => return Answer { chunks, end },
            }
        }
    }

    /// Reads the next frame of an event: a chunk, or its end.
    async fn frame(&mut self, channel: u64) -> Result<Bytes, End> {
        loop {
            if let Some((id, frame, len)) = parse(&self.read) {
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

/// Returns the first frame: its channel, what it says, and its length.
fn parse(bytes: &[u8]) -> Option<(u64, Result<Bytes, End>, usize)> {
    let mut reader = Reader::new(bytes);
    reader.array_len().ok()?;
    let (id, kind) = (reader.uint().ok()?, reader.uint().ok()?);
    let args = reader.array_len().ok()?;
    let frame = match (kind, args) {
        (0, 0) | (2, _) => Err(End::Closed),
        (0, _) => Ok(reader.raw().ok()?.into()),
        _ => {
            reader.array_len().ok()?;
            let (category, code) = (reader.uint().ok()?, reader.uint().ok()?);
            Err(End::Error(category, code, reader.text().ok()?.to_owned()))
        }
    };
    Some((id, frame, reader.position()))
}

impl Answer {
    /// Returns status, headers and body of an answer that is whole.
    fn http(&self) -> (u16, HeaderMap, Vec<u8>) {
        assert_eq!(self.end, End::Closed, "{self:?}");
        let (status, headers) = decode_response_head(&self.chunks[0]).unwrap();
        assert!(self.chunks[1..].iter().all(|chunk| !chunk.is_empty()), "an empty chunk may end the body");
        let body = self.chunks[1..].iter().flat_map(|chunk| chunk.to_vec()).collect();
        (status.as_u16(), headers, body)
    }
}

/// A request as a gateway sends it.
fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &[u8]) -> Bytes {
    let mut request = http::Request::builder().method(method).uri(uri).header("host", "h");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    encode_request_chunk(&request.body(()).unwrap().into_parts().0, body)
}

/// An app that knows nothing of a cloud.
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
        .fallback(any(seen))
}

/// Tells what has arrived.
async fn seen(method: Method, uri: Uri, headers: AxumHeaders, body: bytes::Bytes) -> impl IntoResponse {
    let names: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii())).collect();
    format!("{method} {uri}\n{}\n\n{}", names.join("\n"), body.escape_ascii())
}

/// A worker that serves the app both ways: as a service and behind a listener.
fn both_ways() -> Worker {
    let mut worker = worker();
    worker.http("service", app());
    let listener = worker.listen("listener");
    tokio::spawn(axum::serve(listener, app()).into_future());
    worker
}
