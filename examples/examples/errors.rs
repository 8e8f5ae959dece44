//! What an error contains: where it happened, which side caused it, and whether the call is safe to repeat.
//!
//! Needs a cloud: `cargo run --bin cocaine-node`, then `cargo run --example errors`.

use cocaine::{Client, Error, Fault, Result};
use cocaine_bindings::{LoggingClient, NodeClient, Storage, StorageClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cloud = Client::from_env()?;
    let storage: StorageClient = cloud.service().await?;

    match storage.read("greetings", "klingon").await {
        Err(error) if error.is_not_found() => {
            println!("there is no such key\n  {error}");
        }
        other => println!("{other:?}"),
    }

    if let Err(error) = cloud.dynamic("no-such-service").await {
        report(&error);
    }
    if let Err(error) = cloud.services::<(StorageClient, LoggingClient, NodeClient)>().await {
        report(&error);
    }
    Ok(())
}

fn report(error: &Error) {
    let side = match error.fault() {
        Fault::Caller => "this program",
        Fault::Network => "the network",
        _ => "the service",
    };
    println!("caused by {side}; safe to repeat: {}\n  {error}", error.is_safe_to_retry());
}
