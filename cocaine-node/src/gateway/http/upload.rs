//! A request whose body is sent to an app in pieces, as the client sends it and the app reads it.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use cocaine::{Bytes, Code, Error, Sender};
use http::StatusCode;
use tokio::time::timeout;

use super::{error::HttpError, request_body::RequestBody};
use crate::gateway::metrics::GatewayMetrics;

/// A request on its way to an app. It is complete when this future is ready. If it is dropped before that, or fails, the
/// stream ends with an error, so that the app cannot take the body for complete.
pub(crate) struct Upload(Pin<Box<dyn Future<Output = Result<(), HttpError>> + Send>>);

/// Where the pieces go, and how long the app may leave one unread.
pub(crate) struct UploadTarget {
    pub(crate) requests: Sender<Bytes>,
    pub(crate) timeout: Duration,
    pub(crate) metrics: Arc<GatewayMetrics>,
}

impl Upload {
    /// Returns the upload of a request: `head` is its first chunk, with the part of the body that is buffered.
    pub(crate) fn new(head: Bytes, body: RequestBody, target: UploadTarget) -> Self {
        Self(Box::pin(target.send_request(head, body)))
    }
}

impl UploadTarget {
    async fn send_request(mut self, head: Bytes, mut body: RequestBody) -> Result<(), HttpError> {
        let mut piece = Some(head);
        loop {
            let Some(chunk) = piece else {
                // Fails only if the app is gone, which the response says.
                let _ = self.requests.finish();
                return Ok(());
            };
            match timeout(self.timeout, self.requests.send(chunk)).await {
                Ok(Ok(())) => body.release(),
                Ok(Err(_)) => return Ok(()),
                Err(_) => {
                    let text = format!("the app read nothing of the request for {:?}", self.timeout);
                    return Err(self.fail(Code::TIMED_OUT, HttpError::new(StatusCode::GATEWAY_TIMEOUT, text)));
                }
            }
            piece = match body.next_piece().await {
                Ok(next) => next.map(Bytes::from),
                Err(error) => return Err(self.fail(Code::SENDER_DROPPED, error)),
            };
            self.metrics.count_received(piece.as_ref().map_or(0, |piece| piece.len()));
        }
    }

    /// Ends the stream with the reason why the request is incomplete.
    fn fail(self, code: Code, error: HttpError) -> HttpError {
        // Fails only if the app is gone.
        let _ = self.requests.fail(&Error::service(code, error.cause.clone()));
        error
    }
}

impl Future for Upload {
    type Output = Result<(), HttpError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").finish_non_exhaustive()
    }
}
