//! What the handlers of requests share.

use std::sync::Arc;

use cocaine::{
    Bytes,
    bind::{REQUEST_TIMEOUT, encode_request_timeout},
};
use http::HeaderMap;
use hyper::body::Incoming;

use super::{
    http::{
        error::HttpError,
        json_body::BodyParser,
        request_body::{BodyBuffer, BufferedBody},
        request_id::RequestId,
    },
    metrics::GatewayMetrics,
    settings::GatewaySettings,
};
use crate::config::Target;

/// The settings, metrics and body buffer of a gateway. Other settings share the rest.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) settings: GatewaySettings,
    pub(super) metrics: Arc<GatewayMetrics>,
    pub(super) body_buffer: Arc<BodyBuffer>,
    pub(super) body_parser: Arc<BodyParser>,
}

impl Context {
    /// Reads and counts the body of a request.
    pub(super) async fn read_body(&self, body: Incoming) -> Result<BufferedBody, HttpError> {
        let body = self.body_buffer.receive(body)?.collect().await?;
        self.metrics.count_received(body.bytes.len());
        Ok(body)
    }

    /// Returns the headers of the call that a request becomes.
    pub(super) fn call_headers(
        &self,
        target: &Target,
        headers: &HeaderMap,
        id: RequestId,
    ) -> Vec<(&str, Bytes)> {
        let mut call_headers = Vec::new();
        for (name, call_name) in &self.settings.headers {
            if let Some(value) = headers.get(name) {
                call_headers.push((call_name.as_str(), value.as_bytes().into()));
            }
        }
        if let Some(timeout) = self.settings.timeouts.get_configured(&target.service, &target.event) {
            call_headers.push((REQUEST_TIMEOUT, encode_request_timeout(timeout).as_slice().into()));
        }
        if id.sampled {
            call_headers.push(("trace_bit", b"1".into()));
        }
        call_headers
    }
}
