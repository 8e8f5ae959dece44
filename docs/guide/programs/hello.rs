//! The app of the quick start, as that page has it.

use cocaine::{Result, Worker, events};

/// Greets somebody.
#[cocaine::worker]
async fn ping(name: String) -> Result<String> {
    Ok(format!("pong {name}"))
}

#[tokio::main]
async fn main() -> Result<()> {
    Worker::from_args()?.serve(events![ping]).await
}
