//! The worker process of the benchmark's app.

use anyhow::Result;
use cocaine::Worker;

use crate::peers::{events, web};

/// Returns whether a node has started this process as its worker.
pub fn is_worker() -> bool {
    std::env::args().any(|arg| arg == "--uuid")
}

/// Handles events until the node ends the worker.
pub fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let worker = web::register(events::register(Worker::from_args()?));
        worker.serve(events::annotated_events()).await
    })?;
    Ok(())
}
