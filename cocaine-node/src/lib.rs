//! A whole Cocaine cloud in one process: `locator`, `storage`, `logging`, `logging::v2`, `metrics`, and `node` with the
//! apps that it runs, as the original runtime serves them.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use cocaine::Client;
//! use cocaine_bindings::{Storage, StorageClient};
//! use cocaine_node::Node;
//!
//! let node = Node::builder().listen("127.0.0.1:0").in_memory().start().await?;
//! let cloud = Client::new(&node.locator_addr().to_string())?;
//! let storage: StorageClient = cloud.service().await?;
//! assert!(storage.find("greetings", &["english"]).await?.is_empty());
//! node.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Where it differs from the original
//!
//! - `locator.connect` answers in full; [`NodeBuilder::cluster`] switches that off.
//! - Stored keys may be any text: `..`, `/` and names of tags are nothing special, and removing a key removes its
//!   entries in the index at once.
//! - An error of `storage` names the collection and the key, not a path.
//! - A name that is published twice stays known until both publications are withdrawn.
//! - A routing group of more than 4,096 members is refused, and one that cannot be used does not keep the node from
//!   starting.
//! - An app's folder and socket lie in the node's own data folder, whatever the profile's `spool` says, and nobody else
//!   can enter them. Archives are tar, plain or with gzip; what would reach outside of the folder is refused.
//! - Workers are watched by their processes too: one that is gone is replaced although its socket lives on.
//! - A process that is to end gets SIGTERM, and SIGKILL after the isolate's `kill_timeout` (5 s). Both go to its whole
//!   process group. No worker outlives the node, even one that is killed.
//! - A worker that has nothing to do ends after its profile's `idle-timeout`, unless [`NodeBuilder::end_idle`] or
//!   `apps.idle_timeout` of the configuration switches that off.
//! - The manifest's `environment` takes precedence over the node's own.
//! - An event whose `request_timeout` is not eight bytes is refused when it arrives, and holds up nobody.
//! - An event that waits for an app whose workers do not start is answered with the reason and the end of their output
//!   after [`NodeBuilder::patience`]; `info` has the same as `failure`, and the log tells of every crash.
//! - An event of which more is unread than [`cocaine::Limits::unread`] is cut off: both sides get `[12, 105]`.
//! - The name of an app is taken until its last worker has ended; `info` says `stopped` meanwhile.
//! - A `pool-limit` or `grow-threshold` of 0 is an error of the profile, and an app whose name is taken removes nobody
//!   else's service when it is stopped.
//! - The isolates `docker`, `porto` and `external` are not there.
//! - A consumer of `locator.connect` that falls 1,024 changes behind is cut off with an error, and a router that is
//!   slow gets the newest table alone.
//! - Filters of `logging::v2` hold for what is emitted through it, not for the node's own messages. One that is set holds
//!   for named loggers that are open already. Those for the cluster are kept in the node's storage, in the collection
//!   `cocaine/logging_v2/filters`. `!=` does not hold for an attribute that is not there, and `traced` holds for every
//!   call with a trace whose trace bit is not 0. 1,024 filters may be set, and as many named loggers be open on a
//!   connection; more of them are refused.
//! - `metrics` knows of no messages for the connection itself (`timer[ping]` and the like), counts the calls of every
//!   service, and tells the node's own age and log lines, too. Times are those of the last five to ten minutes.

pub(crate) mod apps;
pub mod config;
mod filters;
pub mod gateway;
pub mod helper;
pub mod log;
mod metrics;
mod node;
mod place;
pub mod registry;
pub mod routing;
mod services;
pub mod store;

pub use node::{Node, NodeBuilder, StartError};
