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
//! service  listen            a tower service, a listener
//! body  answer  stream  raw  what a handler reads and is answered with; streams of bytes
//! request  parse             a request as a handler gets it; HTTP/1.1 as a server writes it
//! form  hop  chunked         chunks of the cloud, headers of one connection, chunks of HTTP/1.1
//! content                    which responses have no body
//! ```

mod answer;
mod body;
mod chunked;
mod content;
mod form;
mod hop;
mod listen;
mod parse;
mod raw;
mod request;
mod service;
mod stream;
#[cfg(all(test, feature = "axum"))]
mod tests;

pub use self::{
    body::Body,
    content::{ends_with_head, forbids_content, set_bodiless_length},
    form::{RequestChunk, read_meta, write_meta, write_request},
    hop::end_to_end,
    listen::{Listener, Peer},
    raw::RawStream,
    stream::HttpStream,
};
