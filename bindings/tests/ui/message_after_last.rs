use cocaine_bindings::{Locator, LocatorClient};

async fn publish(locator: LocatorClient) -> cocaine::Result<()> {
    let channel = locator.publish("app", &[], None).await?;
    channel.tx.discard().await?;
    channel.tx.discard().await?;
    Ok(())
}

fn main() {}
