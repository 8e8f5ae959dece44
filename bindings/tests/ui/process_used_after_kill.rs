use std::collections::BTreeMap;

use cocaine::Value;
use cocaine_bindings::{Isolate, IsolateClient};

async fn run(isolate: IsolateClient, args: Value, env: BTreeMap<String, String>) -> cocaine::Result<()> {
    let process = isolate.spawn(&args, "app", "/app", &env, &env).await?;
    process.tx.kill().await?;
    process.tx.kill().await?;
    Ok(())
}

fn main() {}
