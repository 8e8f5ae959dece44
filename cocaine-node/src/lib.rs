//! A whole Cocaine cloud in one process: `locator`, `storage` and `logging`, as the original runtime serves them.
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
//! - A consumer of `locator.connect` that falls 1,024 changes behind is cut off with an error, and a router that is
//!   slow gets the newest table alone.

pub(crate) mod apps;
pub mod config;
pub mod helper;
pub mod log;
mod node;
mod place;
pub mod registry;
pub mod routing;
mod services;
pub mod store;

pub use node::{Node, NodeBuilder, StartError};
