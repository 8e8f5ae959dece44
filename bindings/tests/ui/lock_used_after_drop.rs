use cocaine_bindings::{Unicorn, UnicornClient};

async fn lock(unicorn: UnicornClient) -> cocaine::Result<()> {
    let mut lock = unicorn.lock("/path").await?;
    drop(lock);
    lock.lost().await;
    Ok(())
}

fn main() {}
