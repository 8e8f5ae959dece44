use cocaine::Severity;
use cocaine_bindings::{LoggingV2, LoggingV2Client};

async fn log(logging: LoggingV2Client) -> cocaine::Result<()> {
    let logger = logging.get("app/mine").await?.tx;
    logger.emit(Severity::Info, "one", None).await?;
    logger.emit(Severity::Info, "two", None).await?;
    Ok(())
}

fn main() {}
