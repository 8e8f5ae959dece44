//! Events that are HTTP requests (`worker.md` 6). A request is one chunk; the first chunk of the response is its head
//! (status and headers), and the chunks after it are the body.
//!
//! A worker can serve them in two ways. [`Worker::http`](crate::Worker::http) calls a tower service, such as an
//! `axum::Router`, directly:
//!
//! ```no_run
//! # async fn serve(router: axum::Router) -> cocaine::Result<()> {
//! cocaine::Worker::from_args()?.http("web", router).serve(cocaine::events![]).await
//! # }
//! ```
//!
//! [`Worker::listen`](crate::Worker::listen) returns a listener that replaces a TCP listener. Each request is a stream, on
//! which the server reads and writes HTTP/1.1. With the feature `axum`, `axum::serve` accepts it:
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
//! [`Worker::listen_raw`](crate::Worker::listen_raw) passes plain bytes in both directions, without HTTP.
//!
//! # Layers
//!
//! ```text
//! service          listener                      a tower service; a listener for an HTTP/1.1 server
//!                  http_stream  raw_stream       byte streams in place of TCP connections
//!                  read_buffer
//! response         response_sink  response_parser
//! request  body                                  the request that a handler receives
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
mod read_buffer;
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
