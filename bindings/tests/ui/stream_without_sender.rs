use cocaine_bindings::{Unicorn, UnicornClient};

async fn watch(unicorn: UnicornClient) -> cocaine::Result<()> {
    let changes = unicorn.subscribe("/path");
    changes.tx.finish()?;
    Ok(())
}

fn main() {}
