//! The runtime of the Cocaine application cloud: clients, workers and servers, on tokio.
//!
//! In Cocaine, a *locator* resolves the name of a service to its endpoints and to a graph of its methods. Calls travel as
//! `MessagePack` frames, many at a time over one connection. An *app* is a program that a *node* starts as workers, to which
//! it hands events.
//!
//! # A client
//!
//! A [`Client`] is the cloud, named by its locators. It returns typed services, which are bindings that `cocaine-codegen`
//! has generated around a [`Service`], and untyped ones, whose methods are called by name:
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
//! # A worker
//!
//! A [`Worker`] is the process of an app. [`macro@worker`] turns functions into events:
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
//! # Guarantees
//!
//! - All clones of a service share one connection in each runtime, so that a client may be kept in a `static`. A call that is
//!   dropped discards its reply; the server may still carry it out.
//! - A call that is answered once has a deadline, 30 s unless another is set: [`Client::with_deadline`],
//!   [`Service::with_deadline`]. It is kept to a tenth of a second, and exactly if it is below a second. Streams and sessions
//!   have no deadline, except events of apps for which one was set, or which a generated client calls for one reply. Opening them has one, and so has a call that is never
//!   answered: it is for the case that the peer does not read.
//! - When a connection ends, the calls in flight fail. The next call resolves the name and connects again. Nothing is sent
//!   twice; an [`Error`] says whether the call may be repeated. An endpoint that fails is tried again after a pause of 50 ms
//!   to 2 s, which all services of a client share.
//! - A peer that is gone without closing is noticed: the call after a missed deadline connects again if nothing else has
//!   arrived, and streams fail after 30 s of silence (`ClientBuilder::keep_alive`).
//! - Bindings are compared with what the service announces when it is connected: a method with another id is
//!   found by its name; one that is missing or has another tree fails when it is called (`Compatibility`). Differences are logged
//!   once for each client.
//! - Memory is bounded for each connection ([`Limits`]), whatever a peer sends, and for all connections together that share a
//!   [`MemoryBudget`].
//! - A worker's connection has a thread of its own, so that no handler can delay a heartbeat. Each event gets exactly one
//!   terminal message, whatever its handler does. A worker that the node terminates finishes the events that it has taken.
//! - Every call within [`Trace::scope`] carries the trace. Handlers of a server run in the scope of their request.
//!
//! # Modules
//!
//! | module | what it holds |
//! |---|---|
//! | `server` | listeners, and what generated servers are called with |
//! | `graph` | the methods that a service announces, and the messages of each |
//! | `frames` | frames as they are on the wire, for programs that stand between a client and a service |
//! | `msgpack` | the encoding of what users store and send, for code of their own |
//! | `schema` | what types look like in payloads, as data |
//! | `text` | names, keys and tags that are not UTF-8 |
//! | `logging` | a `tracing` layer that sends events to the service `logging` (feature `tracing`) |
//! | `http` | events that are HTTP requests (feature `http`) |
//! | `json` | values as JSON, by their own kind or by the schema of an app (feature `json`) |
//! | `double` | expectations of test doubles (feature `doubles`) |
//!
//! The private modules are layers, of which each uses those below it: `worker`, `server` and `client`, `connection` (one
//! connection: its channels and the task that owns the socket), `protocol` (graphs, errors, codes), `wire` (frames,
//! `MessagePack`, headers). `docs/architecture.md` of the repository follows a call through them.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `http` | the module `http`: events that are HTTP requests |
//! | `axum` | `http`, and its listener as `axum::serve` takes it |
//! | `doubles` | the module `double` |
//! | `json` | the module `json` |
//! | `tracing` | the module `logging` |
//! | `chrono`, `jiff`, `url`, `uuid` | the schemas of these crates' types |
//!
//! None is on by default.

#[cfg(test)]
extern crate self as cocaine;

#[doc(hidden)]
pub mod bind;
mod client;
mod connection;
#[cfg(feature = "doubles")]
pub mod double;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "tracing")]
pub mod logging;
pub mod prelude;
mod protocol;
pub mod schema;
pub mod server;
#[cfg(test)]
mod tests;
mod wire;
mod worker;

pub use client::{
    Client, ClientBuilder, Services,
    event::halves::{EventReceiver, EventReply, EventSender},
    methods::Compatibility,
    service::Service,
    service_client::ServiceClient,
};
pub use cocaine_macros::{AppError, Schema, worker};
pub use connection::{
    channel::Payload,
    dyn_receiver::DynReceiver,
    dyn_sender::DynSender,
    guard::Guard,
    halves::{Duplex, Receiver, Reply, ReplySender, Sender},
};
pub use futures_core::Stream;
pub use protocol::{
    args::Args,
    code::{Category, Code},
    control,
    endpoint::{Endpoint, ServiceInfo},
    error::{Error, ErrorKind, Fault, Result},
    frames, graph,
    limits::Limits,
    memory::{MemoryBudget, MemoryReservation},
    msgpack,
    scalar::Scalar,
    severity::Severity,
    trace::Trace,
};
pub use schema::{AppError, Schema};
pub use wire::{bytes::Bytes, headers::Headers, map_entries::MapEntries, text, value::Value};
pub use worker::{
    AppToken, Context, Events, ExecutionMode, Handler, HandlerRegistry, Session, SessionReceiver,
    SessionSender, Worker,
};
