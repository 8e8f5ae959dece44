use cocaine_bindings::{Locator, LocatorClient};

async fn publish(locator: LocatorClient) -> cocaine::Result<()> {
    let channel = locator.publish("app", &[], None).await?;
    channel.tx.write("a message of another state").await?;
    Ok(())
}

fn main() {}
