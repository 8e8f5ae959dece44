use cocaine_bindings::{App, AppClient};

async fn enqueue(app: AppClient) -> cocaine::Result<()> {
    let mut event = app.enqueue("ping", None).await?;
    event.send("one").await?;
    event.tx.finish()?;
    event.tx.send("two").await?;
    Ok(())
}

fn main() {}
