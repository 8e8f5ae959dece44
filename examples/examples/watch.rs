//! A stream: all services of the node, and each change to them, until the program is stopped.
//!
//! Needs a cloud: `cargo run --bin cocaine-node`, then `cargo run --example watch`.

use cocaine::{Client, Result};
use cocaine_bindings::{Locator, LocatorClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let locator: LocatorClient = Client::from_env()?.service().await?;

    let mut changes = locator.connect("watch-example");
    while let Some(change) = changes.recv().await {
        let (node, services) = change?;
        for (name, resolved) in services {
            let endpoints: Vec<_> = resolved.endpoints.iter().map(ToString::to_string).collect();
            match endpoints.as_slice() {
                [] => println!("{node}: {name} is withdrawn"),
                known => println!("{node}: {name}, version {}, at {}", resolved.version, known.join(", ")),
            }
        }
    }
    println!("the node has stopped");
    Ok(())
}
