//! Locks and subscriptions: two clients increment a value in turn, and a third sees each change.
//!
//! A lock is held until it is dropped. If its holder dies, the next client that waits gets it.
//!
//! Needs a cloud: `cargo run --bin cocaine-node`, then `cargo run --example lock`.

use cocaine::{Client, Result};
use cocaine_bindings::{Unicorn, UnicornClient};

const COUNT: &str = "/example/count";

async fn count(name: &str) -> Result<()> {
    let unicorn: UnicornClient = Client::from_env()?.service().await?;
    for _ in 0..3 {
        let lock = unicorn.lock("/example/lock").await?;
        let count = unicorn.increment(COUNT, &1.into()).await?;
        println!("{name} holds the lock and counts {}", count.value);
        drop(lock);
    }
    Ok(())
}

async fn watch(unicorn: &UnicornClient, last: i64) -> Result<()> {
    let mut changes = unicorn.subscribe(COUNT);
    while let Some(change) = changes.recv().await {
        let count = change?;
        println!("the count is {}, version {}", count.value, count.version);
        if count.version == last {
            break;
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let unicorn: UnicornClient = Client::from_env()?.service().await?;
    let last = unicorn.get(COUNT).await?.version + 6;
    tokio::try_join!(watch(&unicorn, last), count("one"), count("two"))?;
    Ok(())
}
