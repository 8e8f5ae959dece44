//! A session: a channel on which both sides send, with a type for each of its states.
//!
//! The service is announced while the channel is open; `discard` withdraws it, and so does dropping the channel. A
//! message out of turn does not compile.
//!
//! Needs a cloud: `cargo run --bin cocaine-node`, then `cargo run --example publish`.

use cocaine::{Client, Endpoint, Result};
use cocaine_bindings::{Locator, LocatorClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let locator: LocatorClient = Client::from_env()?.service().await?;
    let endpoint = Endpoint(([127, 0, 0, 1], 8080).into());

    let channel = locator.publish("blog", &[endpoint], None).await?;
    channel.rx.await?;
    println!("`blog` is announced at {endpoint}");

    channel.tx.discard().await?;
    println!("and withdrawn");
    Ok(())
}
