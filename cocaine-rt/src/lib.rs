//! The wire of the Cocaine cloud: typed and untyped clients, workers, and the serving side of generated traits.
//!
//! A [`Client`] is the cloud, by its locators. It gives typed services, which are bindings made by `cocaine-codegen`
//! around a [`Service`], and untyped ones, whose methods are called by name:
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cocaine::Result<()> {
//! let cloud = cocaine::Client::new("localhost:10053")?;
//! let storage = cloud.dynamic("storage").await?;
//! let keys: Vec<String> = storage.call("find", ("manifests", ["app"])).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Worker`] is a process that a node starts and hands events to, which [`macro@worker`] makes of functions:
//!
//! ```no_run
//! use cocaine::{Result, Worker, events};
//!
//! #[cocaine::worker]
//! async fn ping(message: String) -> Result<String> {
//!     Ok(format!("pong {message}"))
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     Worker::from_args()?.serve(events![ping]).await
//! }
//! ```
//!
//! # What to expect
//!
//! - Calls of all clones of a service share one connection, hundreds at a time. A dropped call costs nothing.
//! - Each call that is answered once has a deadline, 30 s unless set: [`Client::with_deadline`],
//!   [`Service::with_deadline`]. It is kept to a tenth of a second; one below a second is kept exactly. Streams and
//!   sessions have none, but for events of apps where one was set.
//! - A connection that ends fails the calls in flight. The next call resolves the name again and connects again. Nothing
//!   is sent twice; [`Error::is_safe_to_repeat`] says what may be.
//! - Bindings are held against what the service announces when it is connected ([`Drift`]): a method that has moved is
//!   found by its name, one that is missing or has another shape fails when it is called. What differs is logged once.
//! - Memory is bounded ([`Limits`]), whatever a peer sends.
//! - A worker's connection has a thread of its own, so that no handler can delay a heartbeat; its events are answered
//!   exactly once, whatever a handler does. When the node terminates it, it finishes what it has taken.
//! - Within [`Trace::scope`] every call carries the trace. A server's handlers run in the scope of their request.
//!
//! # Layers
//!
//! A file imports what is below it.
//!
//! ```text
//! L4  client    server    worker        what users hold: the cloud, a listening socket, the events of an app
//!     double                            what tests hold instead: feature `doubles`
//! L3  service  cloud  told              resolve, connect, connect again     bind: what generated code uses
//! L2  link  halves  dynamic  table      one connected service: its methods, typed halves of channels
//! L1  conn  channel  unix               the mux behind a lock, the task that owns the socket
//! L0  mux                               open channels, ids, bytes to write: no I/O, no async, no lock
//!     scan  encode  decode  header      the bytes: frames, MessagePack, headers
//!     graph  spec  control  error  …    what they mean
//! ```
//!
//! One task owns a socket; it reads, hands messages over, begins invocations and writes. A server's invocation is polled
//! where it arrived, and gets a task of its own only when it is pending.

#[cfg(test)]
extern crate self as cocaine;

pub mod bind;
mod client;
mod connection;
#[cfg(feature = "doubles")]
pub mod double;
#[cfg(feature = "http")]
pub mod http;
mod protocol;
pub mod server;
#[cfg(test)]
mod tests;
mod wire;
mod worker;

pub use client::{
    Client, ClientBuilder, Services,
    methods::Drift,
    service::{Service, ServiceClient},
};
pub use cocaine_macros::worker;
pub use connection::{
    channel::Payload,
    dyn_halves::{MessageReceiver, MessageSender},
    guard::Held,
    halves::{Duplex, Exchange, Receiver, Reply, Responder, Sender},
};
pub use futures_core::Stream;
pub use protocol::{
    code::Category,
    control,
    error::{Cause, Error, ErrorKind, Fault, Result},
    graph::{CallKind, Edge, Graph, Method, Tree, TreeNode, TreeShape},
    limits::Limits,
    trace::Trace,
    types::{Args, Endpoint, Resolved, Scalar, Severity},
};
pub use wire::{bytes::Bytes, headers::Headers, msgpack, value::Value};
pub use worker::{
    Chunks, Context, Events, Handler, Incoming, Mode, Outgoing, Output, Session, Table as EventTable, Token,
    Worker,
};
