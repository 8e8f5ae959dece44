use cocaine::Value;
use cocaine_bindings::{Isolate, IsolateClient, isolate::SpawnReceiver, locator::PublishReceived};

async fn fetch(isolate: IsolateClient, args: Value) -> cocaine::Result<()> {
    let spooling = isolate.spool(&args, "app").await?;
    spooling.rx.recv().await?;
    spooling.tx.recv().await?;
    Ok(())
}

async fn serve(input: SpawnReceiver) -> cocaine::Result<()> {
    input.recv().await?.recv().await?;
    Ok(())
}

fn is_last(message: PublishReceived) -> bool {
    matches!(message, PublishReceived::Write)
}

fn main() {}
