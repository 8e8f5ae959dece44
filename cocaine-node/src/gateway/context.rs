//! What the handlers of requests share.

use std::sync::Arc;

use cocaine::{Bytes, MemoryBudget};
use http::HeaderMap;
use hyper::body::Incoming;

use super::{
    access_log::AccessLog,
    http::{
        error::HttpError,
        json_body::BodyParser,
        request_body::{BodyBuffer, BufferedBody},
    },
    metrics::GatewayMetrics,
    routing::app_schemas::AppSchemas,
    settings::GatewaySettings,
};

/// The settings, metrics and body buffer of a gateway. Other settings share the rest.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) settings: Arc<GatewaySettings>,
    pub(super) metrics: Arc<GatewayMetrics>,
    pub(super) access_log: Arc<AccessLog>,
    pub(super) body_buffer: Arc<BodyBuffer>,
    pub(super) body_parser: Arc<BodyParser>,
    /// The schemas of apps whose events are called by their names.
    pub(super) schemas: Arc<AppSchemas>,
    /// The memory of all connections and responses.
    pub(super) memory: MemoryBudget,
}

impl Context {
    /// Reads and counts the body of a request.
    pub(super) async fn read_body(&self, body: Incoming) -> Result<BufferedBody, HttpError> {
        let body = self.body_buffer.receive(body)?.collect().await?;
        self.metrics.count_received(body.bytes.len());
        Ok(body)
    }

    /// Returns the headers of the call that a request becomes. The time-out is not among them: it is for each piece of the
    /// response, and a node would take it for the whole.
    pub(super) fn call_headers(&self, headers: &HeaderMap, sampled: bool) -> Vec<(&str, Bytes)> {
        let mut call_headers = Vec::new();
        for (name, call_name) in &self.settings.headers {
            if let Some(value) = headers.get(name) {
                call_headers.push((call_name.as_str(), value.as_bytes().into()));
            }
        }
        if sampled {
            call_headers.push(("trace_bit", b"1".into()));
        }
        call_headers
    }
}
