//! An HTTP request that the node makes: `cargo run --example fetch -- URL`.
//!
//! Needs a node: `cargo run --bin cocaine-node`. It reaches only the public internet, unless `allow` in the section
//! `urlfetch` of its configuration lists more.

use std::{env, error::Error};

use cocaine::Client;
use cocaine_bindings::{Urlfetch, UrlfetchClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("usage: fetch URL")?;
    let urlfetch: UrlfetchClient = Client::from_env()?.service().await?;

    match urlfetch.get(&url, Some(10_000), None, None, None).await {
        Ok(answer) => {
            println!("{} ({})", answer.code, if answer.ok { "ok" } else { "not ok" });
            for (name, value) in &answer.headers {
                println!("{name}: {}", String::from_utf8_lossy(value));
            }
            println!("{} bytes", answer.body.len());
        }
        // 13: the address is denied; 110: the request timed out; 111: the connection was refused.
        Err(error) => println!("no answer, code {:?}\n  {error}", error.code()),
    }
    Ok(())
}
