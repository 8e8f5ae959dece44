//! What is recorded of a request: its metrics, its line in the access log, and a line in the log if it fails.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use http::{Method, Response, StatusCode, header, request::Parts};
use http_body::{Body, Frame, SizeHint};
use tracing::Span;

use super::{
    access_log::{AccessEntry, AccessLog},
    http::{
        body::{BodyError, ResponseBody},
        error::HttpError,
        request_id::RequestId,
    },
};
use crate::config::Target;

/// The status in the access log of a request whose connection has ended before its response began, as nginx has it.
const CONNECTION_ENDED: u16 = 499;

/// A request that is not answered yet, or whose response is being sent. Dropping this writes its line.
#[derive(Debug)]
pub(super) struct RequestRecord {
    log: Arc<AccessLog>,
    entry: AccessEntry,
    start: Instant,
    span: Span,
}

impl RequestRecord {
    pub(super) fn start(
        log: Arc<AccessLog>,
        parts: &Parts,
        client: Option<std::net::IpAddr>,
        id: &RequestId,
    ) -> Self {
        let header = |name| parts.headers.get(name).cloned();
        let traceparent = id.traceparent.as_ref().and_then(|value| value.to_str().ok());
        // An event is logged with the fields of its spans; at this level, whatever the level of the log.
        let span = tracing::error_span!("request", request_id = id.as_str(), traceparent);
        let entry = AccessEntry {
            time: SystemTime::now(),
            client,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            host: header(header::HOST),
            referer: header(header::REFERER),
            user_agent: header(header::USER_AGENT),
            request_id: id.as_str().to_owned(),
            traceparent: id.traceparent.clone(),
            service: None,
            event: None,
            status: StatusCode::from_u16(CONNECTION_ENDED).unwrap_or_default(),
            bytes: 0,
            duration: std::time::Duration::ZERO,
            complete: false,
        };
        Self { log, entry, start: Instant::now(), span }
    }

    /// Returns the span of the request, which has its id.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// Records the head of the response, and returns the response, whose body records its end. `failure` is why the gateway
    /// itself answers.
    pub(super) fn respond(
        mut self,
        response: Response<ResponseBody>,
        target: Option<Target>,
        failure: Option<&HttpError>,
    ) -> Response<RecordedBody> {
        self.entry.status = response.status();
        (self.entry.service, self.entry.event) = target.map(|target| (target.service, target.event)).unzip();
        if let Some(error) = failure {
            self.log_failure(&error.cause, error.detail.as_deref());
        } else if response.status().is_server_error() {
            self.log_failure("the app has answered with it", None);
        }
        // Nothing is polled of a body that is not sent.
        self.entry.complete = self.entry.method == Method::HEAD || response.body().is_end_stream();
        response.map(|body| RecordedBody { body, record: self })
    }

    /// Logs a failure, with what no client learns.
    fn log_failure(&self, reason: &str, detail: Option<&str>) {
        let AccessEntry { method, status, service, event, .. } = &self.entry;
        let (path, status) = (self.entry.uri.path(), status.as_u16());
        let client = self.entry.client.map(|client| client.to_string());
        let (client, service, event) = (client.as_deref(), service.as_deref(), event.as_deref());
        self.span.in_scope(|| {
            if status >= 500 {
                tracing::warn!(%method, path, status, service, event, client, reason, detail, "a request has failed");
            } else {
                tracing::info!(%method, path, status, service, event, client, reason, detail, "a request is refused");
            }
        });
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        if self.log.is_on() {
            self.entry.duration = self.start.elapsed();
            self.log.write(&self.entry);
        }
    }
}

/// The body of a response, which records how much of it is sent.
#[derive(Debug)]
pub(super) struct RecordedBody {
    body: ResponseBody,
    record: RequestRecord,
}

impl Body for RecordedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { body, record } = &mut *self;
        let span = record.span.clone();
        let frame = ready!(span.in_scope(|| Pin::new(body).poll_frame(cx)));
        match &frame {
            Some(Ok(frame)) => record.entry.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(error)) => {
                record.log_failure(&format!("the response ends early: {error}"), error.0.detail.as_deref());
            }
            None => record.entry.complete = true,
        }
        let is_end = !matches!(frame, Some(Err(_))) && self.body.is_end_stream();
        self.record.entry.complete |= is_end;
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
