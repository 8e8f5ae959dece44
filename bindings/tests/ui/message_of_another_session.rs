use cocaine::Value;
use cocaine_bindings::{Isolate, IsolateClient};

async fn fetch(isolate: IsolateClient, args: Value) -> cocaine::Result<()> {
    let spooling = isolate.spool(&args, "app").await?;
    spooling.tx.kill().await?;
    Ok(())
}

fn main() {}
