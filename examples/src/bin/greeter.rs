//! The worker of the tour. `src/bin/quickstart/apps.rs` builds and uploads it.

use std::sync::atomic::{AtomicU32, Ordering};

use cocaine::{Bytes, Context, Error, Result, SessionReceiver, SessionSender, Worker};
use cocaine_bindings::{Logging, LoggingClient};

/// The state that all events share.
#[derive(Default)]
struct Greeter {
    greeted: AtomicU32,
}

/// Each of these methods is an event.
#[cocaine::worker]
impl Greeter {
    /// Decodes the first chunk as the argument and encodes the result as the reply, both in `MessagePack`.
    async fn greet(&self, name: String) -> Result<String> {
        if name.is_empty() {
            return Err(Error::user(1, "nobody to greet"));
        }
        let count = self.greeted.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(format!("hello {name}, you are number {count}"))
    }

    /// Reads and writes a stream: each name is answered as it arrives.
    async fn party(
        &self,
        mut names: SessionReceiver<String>,
        mut greetings: SessionSender<String>,
    ) -> Result<()> {
        while let Some(name) = names.recv().await {
            greetings.send(self.greet(name?).await?).await?;
        }
        Ok(())
    }

    /// Calls a service of the cloud and replies with plain bytes.
    async fn whoami(&self, context: Context) -> Result<Bytes> {
        let logging: LoggingClient = context.cloud().service().await?;
        logging.emit(cocaine::Severity::Info, "app/greeter", "somebody asks who I am", None).await?;
        Ok(std::process::id().to_string().into())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    Worker::from_args()?.serve(Greeter::default()).await
}
