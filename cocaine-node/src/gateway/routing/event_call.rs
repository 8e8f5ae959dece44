//! An event of an app, up to the first chunk of its answer.

use std::time::Duration;

use cocaine::{Bytes, Code, Duplex, Error, Receiver, Result, Sender, Service};
use tokio::time::sleep;

use crate::config::Target;
use crate::gateway::{metrics::Metrics, routing::service_pool::Fleet};

/// How often an event is tried that the app has surely not taken.
const TRIES: u32 = 3;

/// How long the second try waits; the third waits twice as long.
const PAUSE: Duration = Duration::from_millis(20);

/// What an app is asked.
pub(crate) struct Question<'a> {
    pub(crate) target: &'a Target,
    pub(crate) chunk: Bytes,
    /// Headers of the call.
    pub(crate) headers: Vec<(&'a str, Bytes)>,
}

/// An answer that has begun.
pub(crate) struct Begun {
    /// Its first chunk; none if the app has closed the event without a word.
    pub(crate) first: Option<Bytes>,
    pub(crate) rest: Receiver<Bytes>,
}

impl Question<'_> {
    /// Asks, and asks again if the app has surely not taken the event.
    pub(crate) async fn ask(&self, fleet: &Fleet, metrics: &Metrics) -> Result<Begun> {
        let mut tries = Tries::new(&self.target.service, fleet, metrics);
        loop {
            match self.once(fleet).await {
                Err(error) if tries.again(&error).await => {}
                asked => return asked,
            }
        }
    }

    async fn once(&self, fleet: &Fleet) -> Result<Begun> {
        let mut service = fleet.get(&self.target.service).await?;
        for (name, value) in &self.headers {
            service = service.with_header(name, value.clone());
        }
        let Duplex { tx, rx: mut rest } = self.open(&service).await?;
        let sent = self.send(tx).await;
        match (rest.recv().await.transpose()?, sent) {
            (None, Err(error)) => Err(error),
            (first, _) => Ok(Begun { first, rest }),
        }
    }

    async fn open(&self, service: &Service) -> Result<Duplex<Sender<Bytes>, Receiver<Bytes>>> {
        service.open("enqueue", (self.target.event.as_str(),)).await
    }

    async fn send(&self, mut tx: Sender<Bytes>) -> Result<()> {
        tx.send(self.chunk.clone()).await?;
        tx.finish()
    }
}

/// How often an app was asked.
pub(crate) struct Tries<'a> {
    service: &'a str,
    fleet: &'a Fleet,
    metrics: &'a Metrics,
    made: u32,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(service: &'a str, fleet: &'a Fleet, metrics: &'a Metrics) -> Self {
        Self { service, fleet, metrics, made: 1 }
    }

    /// Returns whether to ask again, after a pause: the app has surely not taken the event, since its queue is full or it
    /// is stopped there, and was not asked too often. A service that the locator does not know any more is forgotten.
    pub(crate) async fn again(&mut self, error: &Error) -> bool {
        if error.code() == Some(Code::SERVICE_NOT_AVAILABLE) {
            self.fleet.forget(self.service);
        }
        if self.made == TRIES || !(error.is_queue_full() || error.is_app_stopped()) {
            return false;
        }
        self.metrics.retried(self.service);
        sleep(PAUSE * self.made).await;
        self.made += 1;
        true
    }
}
