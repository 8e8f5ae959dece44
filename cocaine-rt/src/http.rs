//! HTTP as events (`worker.md` 6): one chunk is a request, the first chunk of the answer is its status and headers, and
//! those that follow are its body.
//!
//! A worker answers in one of two ways. [`Worker::http`](crate::Worker::http) takes a tower service, such as an
//! `axum::Router`, as it is:
//!
//! ```no_run
//! # async fn serve(router: axum::Router) -> cocaine::Result<()> {
//! let mut worker = cocaine::Worker::from_args()?;
//! worker.http("web", router);
//! worker.serve(cocaine::events![]).await
//! # }
//! ```
//!
//! [`Worker::listen`](crate::Worker::listen) gives a listener to a server that would listen on TCP; what that server
//! reads and writes is HTTP/1.1. With the feature `axum`, `axum::serve` takes it:
//!
//! ```no_run
//! # #[cfg(feature = "axum")]
//! # async fn serve(router: axum::Router) -> Result<(), Box<dyn std::error::Error>> {
//! let mut worker = cocaine::Worker::from_args()?;
//! let server = axum::serve(worker.listen("web"), router).with_graceful_shutdown(worker.terminated());
//! tokio::spawn(server.into_future());
//! worker.serve(cocaine::events![]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Worker::listen_raw`](crate::Worker::listen_raw) is a tunnel of plain bytes.
//!
//! # Layers
//!
//! ```text
//! service          listener                      a tower service; a listener for an HTTP/1.1 server
//!                  http_stream  raw_stream       byte streams that stand for TCP connections
//! response         response_sink  response_parser
//! request  body                                  a request as a handler gets it
//! codec  hop_by_hop  chunked  content            chunks, headers, the rules of HTTP/1.1
//! ```

mod body;
mod chunked;
mod codec;
mod content;
mod hop_by_hop;
mod http_stream;
mod listener;
mod raw_stream;
mod request;
mod response;
mod response_parser;
mod response_sink;
mod service;
#[cfg(all(test, feature = "axum"))]
mod tests;

pub use self::{
    body::Body,
    codec::{RequestChunk, decode_response_head, encode_request_chunk, encode_response_head},
    content::{ends_with_head, forbids_content, set_bodiless_length},
    hop_by_hop::remove_hop_by_hop,
    http_stream::HttpStream,
    listener::{EventAddr, Listener},
    raw_stream::RawStream,
};
