//! The worker of the tour: an app that greets. The tour builds it, uploads it and has a node run it; see
//! `src/bin/quickstart/apps.rs`.

use std::sync::atomic::{AtomicU32, Ordering};

use cocaine::{Bytes, Chunks, Context, Error, Output, Result, Worker};
use cocaine_bindings::{Logging, LoggingClient};

/// The app's state, behind `&self`.
#[derive(Default)]
struct Greeter {
    greeted: AtomicU32,
}

/// Each of these methods is an event.
#[cocaine::worker]
impl Greeter {
    /// The first chunk is the argument, what is returned is the answer: both are `MessagePack`.
    async fn greet(&self, name: String) -> Result<String> {
        if name.is_empty() {
            return Err(Error::user(1, "nobody to greet"));
        }
        let count = self.greeted.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(format!("hello {name}, you are number {count}"))
    }

    /// A stream in, a stream out: each name is greeted as it comes.
    async fn party(&self, mut names: Chunks<String>, mut greetings: Output<String>) -> Result<()> {
        while let Some(name) = names.recv().await {
            greetings.send(self.greet(name?).await?).await?;
        }
        Ok(())
    }

    /// Chunks as they are, and a service of the cloud that the worker runs in.
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
