//! Untyped calls: the methods that a service announces, called by name.
//!
//! Needs a cloud: `cargo run --bin cocaine-node`, then `cargo run --example untyped`.

use cocaine::{Client, Result, Value, graph::CallKind};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cloud = Client::from_env()?;
    let storage = cloud.dynamic("storage").await?;

    for method in storage.graph().await?.methods() {
        println!(
            "{:?} {} answers {}",
            CallKind::of(&method.dispatch, &method.upstream),
            method.name,
            method.upstream
        );
    }

    let () = storage.call("write", ("greetings", "french", "bonjour", ["greeting"])).await?;
    let keys: Vec<String> = storage.call("find", ("greetings", ["greeting"])).await?;
    let blob: Value = storage.call("read", ("greetings", &keys[0])).await?;
    println!("{}: {blob}", keys[0]);
    storage.call("remove", ("greetings", "french")).await
}
