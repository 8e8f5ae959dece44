//! The smallest worker: one function, one event.
//!
//! Run a node (`cargo run --bin cocaine-node`), then:
//! `cargo build --example echo`, `cargo run --bin cocaine -- app upload echo --program target/debug/examples/echo --start`,
//! `cargo run --example call -- echo ping hello`.

use cocaine::{Result, Worker, events};

/// Handles the event `ping`. The first chunk is decoded as a string, and the result is encoded as one.
#[cocaine::worker]
async fn ping(message: String) -> Result<String> {
    Ok(format!("pong {message}"))
}

#[tokio::main]
async fn main() -> Result<()> {
    Worker::from_args()?.serve(events![ping]).await
}

#[cfg(test)]
mod tests {
    /// The attribute leaves the function callable.
    #[tokio::test]
    async fn ping_is_answered() {
        assert_eq!(super::ping("Ada".into()).await.unwrap(), "pong Ada");
    }
}
