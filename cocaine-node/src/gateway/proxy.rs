//! One request: whom it is for, what it is answered with.

use std::time::Duration;

use cocaine::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header, request};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::metrics::{MEDIA_TYPE, Metrics, Watch};
use crate::config::Target;
use crate::gateway::{
    http::{
        body::ReplyBody,
        error::Failure,
        request::{self as asked, Buffer},
        request_id::{Id, REQUEST_ID},
        response::Asked,
    },
    json_rpc,
    routing::{
        event_call::Question,
        route::{Route, route},
        service_pool::Fleet,
    },
    settings::Settings,
};

/// Which service has answered.
const APPLICATION: HeaderName = HeaderName::from_static("x-cocaine-application");

/// What answers requests.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) settings: Settings,
    pub(super) fleet: Fleet,
    /// For calls of JSON-RPC: one with wrong arguments costs all calls of its connection.
    pub(super) rpc_fleet: Fleet,
    pub(super) metrics: Metrics,
    pub(super) buffer: Buffer,
}

impl Gate {
    /// Answers a request of the main port.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<ReplyBody> {
        let watch = self.metrics.begin();
        let (parts, body) = request.into_parts();
        let id = match asked::check(&parts).and_then(|()| Id::of(&parts.headers, self.settings.sampling)) {
            Ok(id) => id,
            Err(failure) => return refused(watch, failure),
        };
        let mut response = id.trace.scope(self.routed(parts, body, id, watch)).await;
        response.headers_mut().entry(REQUEST_ID).or_insert_with(|| id.header());
        response
    }

    /// Answers a request of the port for administrators.
    pub(super) async fn admin(&self, request: Request<Incoming>) -> Response<ReplyBody> {
        match request.uri().path() {
            "/ping" => self.ping().await,
            "/metrics" => self.metrics(),
            _ => nowhere("only /ping and /metrics are here").response(None),
        }
    }

    async fn routed(
        &self,
        parts: request::Parts,
        body: Incoming,
        id: Id,
        watch: Watch<'_>,
    ) -> Response<ReplyBody> {
        if self.settings.json_rpc && parts.headers.contains_key(&json_rpc::MARK) {
            let response = Box::pin(self.rpc(&parts, body, id)).await;
            let response = response.unwrap_or_else(|failure| failure.response(None));
            watch.answered(None, response.status());
            return response;
        }
        match route(&parts, &self.settings.hosts) {
            Err(unroutable) => refused(watch, Failure::new(StatusCode::BAD_REQUEST, unroutable.0)),
            Ok(Route::Own) => {
                let response = Box::pin(self.own(&parts)).await;
                watch.answered(None, response.status());
                response
            }
            Ok(Route::App(target, uri)) => {
                let answer = self.app(&target, parts, uri, body, id).await;
                let known = answer.is_ok();
                let mut response = answer.unwrap_or_else(|failure| failure.response(Some(&target)));
                watch.answered(known.then_some(target.service.as_str()), response.status());
                if let Ok(service) = HeaderValue::from_str(&target.service) {
                    response.headers_mut().insert(APPLICATION, service);
                }
                response
            }
        }
    }

    async fn app(
        &self,
        target: &Target,
        parts: request::Parts,
        uri: http::uri::PathAndQuery,
        body: Incoming,
        id: Id,
    ) -> Result<Response<ReplyBody>, Failure> {
        let held = self.buffer.collect(body).await?;
        self.metrics.received(held.bytes.len());
        let patience = self.settings.timeouts.get(&target.service, &target.event);
        let asked = Asked { method: parts.method.clone(), version: parts.version, patience };
        let headers = self.headers(target, &parts.headers, id);
        let question = Question { target, chunk: asked::chunk(parts, uri, &held.bytes), headers };
        let begun = timeout(patience, question.ask(&self.fleet, &self.metrics)).await;
        let begun = begun.map_err(|_| Failure::late(patience))?.map_err(|error| Failure::of(&error))?;
        asked.answer(begun).await
    }

    /// Returns the headers of the call.
    pub(super) fn headers(&self, target: &Target, headers: &HeaderMap, id: Id) -> Vec<(&str, Bytes)> {
        let mut call = Vec::new();
        for (name, under) in &self.settings.headers {
            if let Some(value) = headers.get(name) {
                call.push((under.as_str(), value.as_bytes().into()));
            }
        }
        if let Some(limit) = self.settings.timeouts.get_configured(&target.service, &target.event) {
            call.push(("request_timeout", millis(limit)));
        }
        if id.sampled {
            call.push(("trace_bit", b"1".into()));
        }
        call
    }

    async fn own(&self, parts: &request::Parts) -> Response<ReplyBody> {
        match parts.uri.path() {
            "/ping" => self.ping().await,
            "/metrics" if self.settings.admin.is_none() => self.metrics(),
            _ => nowhere(
                "no app is asked for: it is named by the path, as in /service/event, or by the headers \
                 X-Cocaine-Service and X-Cocaine-Event",
            )
            .response(None),
        }
    }

    async fn ping(&self) -> Response<ReplyBody> {
        match timeout(PING, self.fleet.alive()).await {
            Ok(Ok(())) => text("OK\n".into(), "text/plain; charset=utf-8"),
            Ok(Err(error)) => unwell(&error.to_string()),
            Err(_) => unwell(&format!("no locator has answered within {PING:?}")),
        }
    }

    fn metrics(&self) -> Response<ReplyBody> {
        text(self.metrics.text(), MEDIA_TYPE)
    }
}

/// How long a locator may take to say that it is there.
const PING: Duration = Duration::from_secs(3);

/// Returns a time as a call carries it: eight bytes of milliseconds.
fn millis(limit: Duration) -> Bytes {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).to_le_bytes().as_slice().into()
}

fn refused(watch: Watch<'_>, failure: Failure) -> Response<ReplyBody> {
    watch.answered(None, failure.status);
    failure.response(None)
}

fn nowhere(cause: &str) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, cause)
}

fn unwell(cause: &str) -> Response<ReplyBody> {
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, format!("Failed: {cause}")).response(None)
}

fn text(text: String, media_type: &'static str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::whole(text.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
