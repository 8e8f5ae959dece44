//! Follows what the workers of an app print and what is logged for it, or for all: `cargo run --example follow -- [APP]…`.
//!
//! Needs a node: `cargo run --bin cocaine-node`.

use std::{env, error::Error};

use cocaine::{Client, Severity};
use cocaine_bindings::{LoggingStream, LoggingStreamClient};

/// How many of the lines before are shown first.
const HISTORY: u64 = 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sources: Vec<_> = env::args().skip(1).map(|app| format!("app/{app}")).collect();
    let sources: Vec<_> = sources.iter().map(String::as_str).collect();
    let stream: LoggingStreamClient = Client::from_env()?.service().await?;
    let mut batches = stream.follow(&sources, Severity::Debug, HISTORY);
    while let Some(batch) = batches.recv().await.transpose()? {
        if batch.lost > 0 {
            println!("({} lines are missing: this is too slow)", batch.lost);
        }
        for line in batch.lines {
            let worker = line.worker.as_deref().and_then(|uuid| uuid.get(..8)).unwrap_or("log");
            println!("{} [{worker}] {}", line.source, String::from_utf8_lossy(&line.message));
        }
    }
    Ok(())
}
