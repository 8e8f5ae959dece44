//! A worker whose events of `tracing` go to the `logging` of the cloud, and to its own output.
//!
//! Run a node (`cargo run --bin cocaine-node`), build this, upload it and call it like the example `echo`, as the app `traced`. `cargo run
//! --example follow -- traced` shows what it logs.

use cocaine::{Result, Worker, events};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// The fields of an event become attributes. Those of a traced call have its ids, too.
#[cocaine::worker]
async fn ping(message: String) -> Result<String> {
    tracing::info!(length = message.len(), "somebody calls");
    Ok(format!("pong {message}"))
}

#[tokio::main]
async fn main() -> Result<()> {
    let worker = Worker::from_args()?;
    let output = tracing_subscriber::fmt::layer();
    tracing_subscriber::registry().with(LevelFilter::INFO).with(output).with(worker.logging_layer()?).init();
    worker.serve(events![ping]).await
}
