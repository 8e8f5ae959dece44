//! Calls an event of an app: `cargo run --example call -- APP EVENT [CHUNK]…`. A chunk that parses as a
//! number is sent as a number, anything else as a string. Prints the reply chunk by chunk.
//!
//! Needs a node that runs the app; see the example `upload`.

use std::{env, error::Error};

use cocaine::{Bytes, Client, Value, msgpack};
use cocaine_bindings::{App, AppClient};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [app, event, chunks @ ..] = args.as_slice() else {
        return Err("usage: call APP EVENT [CHUNK]...".into());
    };
    let app: AppClient = Client::from_env()?.service_named(app).await?;
    let mut channel = app.enqueue(event, None).await?;
    for chunk in chunks {
        let value = chunk.parse::<i64>().map_or_else(|_| Value::from(chunk.as_str()), Value::from);
        channel.send(Bytes::from(msgpack::to_vec(&value)?)).await?;
    }
    let mut answer = channel.finish()?;
    while let Some(chunk) = answer.recv().await {
        println!("{}", msgpack::from_slice::<Value>(&chunk?)?);
    }
    Ok(())
}
