//! The call of an app's event, up to the first chunk of the response.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use cocaine::{Bytes, Code, Duplex, Error, Receiver, Result, Sender, Service, Stream};
use tokio::time::{Instant, sleep};

use super::{
    local_apps::{AppHandle, ResponseStream},
    service_pool::ServicePool,
};
use crate::{
    config::Target,
    gateway::{
        http::{error::HttpError, upload::Upload},
        metrics::GatewayMetrics,
    },
};

/// How often a call is attempted that the app has certainly not accepted.
const MAX_ATTEMPTS: u32 = 3;

/// The delay before the second attempt; the third waits twice as long.
const RETRY_DELAY: Duration = Duration::from_millis(20);

/// A call of an event.
pub(crate) struct EventCall<'a> {
    pub(crate) target: &'a Target,
    /// The request.
    pub(crate) chunk: Bytes,
    /// Headers of the call.
    pub(crate) headers: Vec<(&'a str, Bytes)>,
}

/// The beginning of a response.
pub(crate) struct ResponseStart {
    /// The first chunk; `None` if the app has closed the event without one.
    pub(crate) first: Option<Bytes>,
    pub(crate) rest: ResponseChunks,
    /// The part of the request that is still to be sent.
    pub(crate) upload: Option<Upload>,
}

/// The chunks of a response after the first.
pub(crate) enum ResponseChunks {
    /// They come on a connection.
    Remote(Receiver<Bytes>),
    /// They come from an app of this node.
    Local(ResponseStream),
}

impl fmt::Debug for ResponseChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseChunks")
    }
}

impl Stream for ResponseChunks {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match self.get_mut() {
            Self::Remote(chunks) => Pin::new(chunks).poll_next(cx),
            Self::Local(chunks) => chunks.as_mut().poll_next(cx),
        }
    }
}

impl ResponseStart {
    /// Waits for the beginning of a response while its request is sent: no longer than `limit` once that is complete.
    ///
    /// # Errors
    /// The failure of the request, if it comes before the response: 504 if the app does not answer in time, or one that the
    /// client has caused.
    pub(crate) async fn during_upload(
        upload: Upload,
        mut rest: Receiver<Bytes>,
        limit: Duration,
    ) -> Result<Self, HttpError> {
        let mut upload = Some(upload);
        let mut deadline = pin!(sleep(limit));
        loop {
            tokio::select! {
                biased;
                first = rest.recv() => {
                    let first = first.transpose().map_err(|error| HttpError::from_call(&error))?;
                    return Ok(Self { first, rest: ResponseChunks::Remote(rest), upload });
                }
                sent = poll_fn(|cx| poll_some(&mut upload, cx)) => {
                    upload = None;
                    sent?;
                    deadline.as_mut().reset(Instant::now() + limit);
                }
                () = &mut deadline, if upload.is_none() => return Err(HttpError::timed_out(limit)),
            }
        }
    }
}

/// Polls an upload, if there is one.
fn poll_some(upload: &mut Option<Upload>, cx: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
    upload.as_mut().map_or(Poll::Pending, |upload| pin!(upload).poll(cx))
}

impl EventCall<'_> {
    /// Sends the event, and sends it again if the app has certainly not accepted it.
    pub(crate) async fn send(&self, pool: &ServicePool, metrics: &GatewayMetrics) -> Result<ResponseStart> {
        let mut retries = Retries::new(&self.target.service, metrics);
        loop {
            match self.send_once(pool).await {
                Err(error) => {
                    if error.code() == Some(Code::SERVICE_NOT_AVAILABLE) {
                        pool.remove(&self.target.service);
                    }
                    if !retries.wait_to_retry(&error).await {
                        return Err(error);
                    }
                }
                started => return started,
            }
        }
    }

    async fn send_once(&self, pool: &ServicePool) -> Result<ResponseStart> {
        if let Some(app) = pool.local(&self.target.service) {
            return self.send_to_local(&*app).await;
        }
        let mut service = pool.get(&self.target.service).await?;
        for (name, value) in &self.headers {
            service = service.with_header(name, value.clone());
        }
        let Duplex { tx, rx: mut rest } = self.open(&service).await?;
        let sent = self.send_request(tx).await;
        match (rest.recv().await.transpose()?, sent) {
            (None, Err(error)) => Err(error),
            (first, _) => Ok(ResponseStart { first, rest: ResponseChunks::Remote(rest), upload: None }),
        }
    }

    /// Sends the event to an app of this node.
    async fn send_to_local(&self, app: &dyn AppHandle) -> Result<ResponseStart> {
        let headers = self.headers.iter().map(|(name, value)| (Bytes::from(*name), value.clone())).collect();
        let mut rest = app.call(&self.target.event, headers, self.chunk.clone()).await?;
        let first = poll_fn(|cx| rest.as_mut().poll_next(cx)).await.transpose()?;
        Ok(ResponseStart { first, rest: ResponseChunks::Local(rest), upload: None })
    }

    async fn open(&self, service: &Service) -> Result<Duplex<Sender<Bytes>, Receiver<Bytes>>> {
        service.open("enqueue", (self.target.event.as_str(),)).await
    }

    async fn send_request(&self, mut tx: Sender<Bytes>) -> Result<()> {
        tx.send(self.chunk.clone()).await?;
        tx.finish()
    }
}

/// Decides whether a call is attempted again.
pub(crate) struct Retries<'a> {
    service: &'a str,
    metrics: &'a GatewayMetrics,
    attempts: u32,
}

impl<'a> Retries<'a> {
    pub(crate) fn new(service: &'a str, metrics: &'a GatewayMetrics) -> Self {
        Self { service, metrics, attempts: 1 }
    }

    /// Returns whether to try again, after a delay: the app has certainly not accepted the event, since its queue is full
    /// or it was stopped, and attempts are left.
    pub(crate) async fn wait_to_retry(&mut self, error: &Error) -> bool {
        let not_accepted = error.is_queue_full() || error.is_app_stopped();
        if self.attempts == MAX_ATTEMPTS || !not_accepted {
            return false;
        }
        self.metrics.count_retry(self.service);
        sleep(RETRY_DELAY * self.attempts).await;
        self.attempts += 1;
        true
    }
}
