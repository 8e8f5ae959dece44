//! A worker with state: the methods of a type are events that share one value. Each worker process has its own value.
//!
//! Run a node (`cargo run --bin cocaine-node`), then:
//! `cargo build --example counter`, `cargo run --bin cocaine -- app upload counter --program target/debug/examples/counter --start`,
//! `cargo run --example call -- counter add 5`, `cargo run --example call -- counter total`.

use std::sync::atomic::{AtomicI64, Ordering};

use cocaine::{Error, Result, Worker};

#[derive(Default)]
struct Counter {
    total: AtomicI64,
}

#[cocaine::worker]
impl Counter {
    /// An error of the app reaches the caller as category 43 with this code.
    async fn add(&self, amount: i64) -> Result<i64> {
        if amount < 0 {
            return Err(Error::user(1, format!("{amount} is negative")));
        }
        Ok(self.total.fetch_add(amount, Ordering::Relaxed) + amount)
    }

    /// A handler without arguments starts before the first chunk arrives.
    async fn total(&self) -> i64 {
        self.total.load(Ordering::Relaxed)
    }

    /// A handler that never blocks may run on the thread of the connection, which saves a switch of threads.
    #[event(inline)]
    async fn reset(&self) {
        self.total.store(0, Ordering::Relaxed);
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    Worker::from_args()?.serve(Counter::default()).await
}
