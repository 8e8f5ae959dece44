//! A whole Cocaine cloud in one process: a locator, the services `storage`, `logging`, `logging::v2`, `logging::stream`, `node`, `unicorn`,
//! `cache`, `chrono`, `urlfetch`, `echo`, `metrics`, `uniresis` and `geobase`, the apps that it runs, and an HTTP gateway.
//!
//! The program `cocaine-node` is this library with a command line. Tests start a cloud of their own:
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
//! Tests of workers use the crate `cocaine-test`. A program that embeds a node and runs apps calls
//! [`helper::exec_worker_if_requested`] first in its `main`, and passes a [`helper::Helper`] to [`NodeBuilder::helper`]; [`Node::embed_worker`] runs workers in its own process.
//!
//! # Compatibility
//!
//! A node answers as the original runtime does, byte for byte where a client can tell. Its deliberate differences are
//! listed in `docs/differences.md` of the repository, each with its reason and the switch, where there is one. The
//! protocol and the services are described in `docs/protocol.md` and `docs/services.md`.
//!
//! # Modules
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`] | the configuration file, as plain data; [`NodeBuilder::config`] takes it |
//! | [`data`] | backup, restoration and compaction of a data folder |
//! | [`gateway`] | HTTP in front of a cloud, in the node or alone |
//! | [`helper`] | the program that starts workers |
//! | [`import`] | what an original runtime has stored in files |
//! | [`log`] | the log behind the services `logging` and `logging::v2`, and who follows it |
//! | [`open_files`] | raises the limit of open files |
//!
//! The crate has no features, and needs Linux.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "cocaine-node needs Linux: it watches workers with child subreapers, parent-death signals and control groups. Clients \
     (cocaine-rt) and the command line run elsewhere, too."
);

pub(crate) mod apps;
pub mod config;
mod control;
pub mod data;
mod errno;
mod file_lock;
pub mod gateway;
pub mod helper;
pub mod import;
pub mod log;
mod metrics;
mod node;
pub mod open_files;
mod permissions;
mod private_socket;
#[doc(hidden)]
pub mod program;
mod registry;
mod service_host;
mod services;
mod store;

pub use node::{Node, NodeBuilder, StartError};
pub use services::geobase::GeobaseError;
pub use store::{OpenError, StoreError};
