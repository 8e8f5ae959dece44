//! The worker of the tour. `src/bin/quickstart/apps.rs` builds and uploads it, and calls it with what `cocaine-codegen` writes
//! from its schema: `src/clients/greeter.rs`.

use std::sync::atomic::{AtomicU32, Ordering};

use cocaine::{Bytes, Context, Error, Result, Schema, SessionReceiver, SessionSender, Worker};
use cocaine_bindings::{Logging, LoggingClient};
use serde::{Deserialize, Serialize};

/// A greeting.
#[derive(Serialize, Deserialize, Schema)]
struct Greeting {
    text: String,
    /// How many have been greeted by this worker, this one included.
    number: u32,
}

/// The state that all events share.
#[derive(Default)]
struct Greeter {
    greeted: AtomicU32,
}

/// Each of these methods is an event.
#[cocaine::worker]
impl Greeter {
    /// Greets somebody.
    #[event(errors(NoName = 1))]
    async fn greet(&self, name: String) -> Result<Greeting> {
        if name.is_empty() {
            return Err(Error::user(1, "nobody to greet"));
        }
        let number = self.greeted.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Greeting { text: format!("hello {name}"), number })
    }

    /// Greets everybody, each as their name arrives.
    async fn party(
        &self,
        mut names: SessionReceiver<String>,
        mut greetings: SessionSender<Greeting>,
    ) -> Result<()> {
        while let Some(name) = names.recv().await {
            greetings.send(self.greet(name?).await?).await?;
        }
        Ok(())
    }

    /// Returns the id of the process, as plain bytes.
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
