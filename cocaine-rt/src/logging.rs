//! A `tracing` layer that sends events to the `logging` of the cloud.
//!
//! ```no_run
//! use cocaine::{Result, Worker, events};
//! use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
//!
//! #[cocaine::worker]
//! async fn ping(message: String) -> Result<String> {
//!     tracing::info!(%message, "somebody calls");
//!     Ok(format!("pong {message}"))
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     let worker = Worker::from_args()?;
//!     tracing_subscriber::registry().with(worker.logging_layer()?).init();
//!     worker.serve(events![ping]).await
//! }
//! ```

mod fields;
mod layer;
mod queue;
mod sender;

pub use self::layer::LoggingLayer;
