//! An app that runs in a cloud.

use std::time::Duration;

use cocaine::{Bytes, msgpack};
use cocaine_bindings::{App as _, AppClient};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::{error::Error, output::WorkerOutput};

/// An app of a [`Cloud`](crate::Cloud).
#[derive(Clone, Debug)]
pub struct App {
    name: String,
    client: AppClient,
    output: WorkerOutput,
    timeout: Duration,
}

impl App {
    pub(crate) fn new(name: String, client: AppClient, output: WorkerOutput, timeout: Duration) -> Self {
        Self { name, client, output, timeout }
    }

    /// Returns the name of the app.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the client of the app, for streams and sessions.
    pub fn client(&self) -> &AppClient {
        &self.client
    }

    /// Sends an event whose chunk is `argument` in `MessagePack`, as a handler made by `#[cocaine::worker]` takes it, and
    /// decodes the answer. Several arguments are a tuple.
    ///
    /// # Errors
    /// The worker fails, or does not answer in time. The error shows what it has printed last.
    pub async fn call<T: DeserializeOwned>(&self, event: &str, argument: impl Serialize) -> Result<T, Error> {
        let what = format!("the event `{event}` of the app `{}`", self.name);
        let argument = msgpack::to_vec(&argument).map_err(Error::of(&what))?;
        let answer = self.call_raw(event, argument).await?;
        msgpack::from_slice(&answer).map_err(|source| self.failure(what, source))
    }

    /// Sends an event with this chunk, and returns the chunks of the answer joined.
    ///
    /// # Errors
    /// Like [`App::call`].
    pub async fn call_raw(&self, event: &str, chunk: impl Into<Bytes>) -> Result<Bytes, Error> {
        let what = format!("the event `{event}` of the app `{}`", self.name);
        match timeout(self.timeout, self.exchange(event, chunk.into())).await {
            Ok(answered) => answered.map_err(|source| self.failure(what, source)),
            Err(_) => Err(self.late(format!("an answer to {what}"))),
        }
    }

    async fn exchange(&self, event: &str, chunk: Bytes) -> cocaine::Result<Bytes> {
        let mut channel = self.client.enqueue(event, None).await?;
        channel.send(chunk).await?;
        let mut answer = channel.finish()?;
        let mut joined = Vec::new();
        while let Some(chunk) = answer.recv().await {
            joined.extend_from_slice(&chunk?);
        }
        Ok(joined.into())
    }

    /// Returns the lines that the workers have printed so far, as text with replacement characters for what is not UTF-8.
    pub fn output(&self) -> Vec<String> {
        self.output.lines(&self.name)
    }

    /// Waits until a worker has printed a line that contains `text`, and returns the line.
    ///
    /// # Errors
    /// None comes in time.
    pub async fn wait_for_output(&self, text: &str) -> Result<String, Error> {
        let found = self.output.wait_for(&self.name, |line| line.contains(text));
        let late = |_| self.late(format!("a line with {text:?} of the app `{}`", self.name));
        timeout(self.timeout, found).await.map_err(late)
    }

    fn failure(&self, what: String, source: cocaine::Error) -> Error {
        Error::Call { what, source, output: self.output.describe(&self.name) }
    }

    fn late(&self, what: String) -> Error {
        Error::Timeout { what, limit: self.timeout, output: self.output.describe(&self.name) }
    }
}
