//! A whole Cocaine cloud in one process: `locator`, `storage`, `logging`, `unicorn`, and `node` with the apps that it
//! runs, as the original runtime serves them.
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
//! - The tree of `unicorn` is this node's own: it lies in its storage and in no other machine's. A value of more than
//!   1 MiB and a path of more than 1,024 bytes are refused.
//! - A subscriber of `unicorn` gets each change, where the original may leave some out. One for whom more than
//!   [`cocaine::Limits::unread`] waits is cut off with `[12, 105]`, and so is one of a connection whose subscriptions keep
//!   more than [`cocaine::Limits::held`]. If the storage fails in such a way that nobody can say whether a node was
//!   changed, its subscribers get `[11, 10]`.
//! - `unicorn.increment` is one step: nobody comes between.
//! - A lock node of `unicorn` is kept in memory: when the node stops, all locks end with their connections, and the
//!   storage counts their nodes as gone. Whose lock node is removed by somebody else loses the lock, with `[11, 8]`; other
//!   nodes beside it disturb nobody.

pub(crate) mod apps;
pub mod config;
pub mod gateway;
pub mod helper;
pub mod log;
mod node;
mod place;
pub mod registry;
pub mod routing;
mod services;
pub mod store;

pub use node::{Node, NodeBuilder, StartError};
