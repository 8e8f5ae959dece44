use cocaine_bindings::{LoggingV2, LoggingV2Client};

async fn log(logging: LoggingV2Client) -> cocaine::Result<()> {
    let logger = logging.get("app/mine").await?;
    logger.tx.finish()?;
    Ok(())
}

fn main() {}
