#![deny(unused_must_use)]

use cocaine_bindings::{Unicorn, UnicornClient};

async fn lock(unicorn: UnicornClient) -> cocaine::Result<()> {
    unicorn.lock("/path").await?;
    Ok(())
}

fn main() {}
