//! An app as a caller in the node itself sees it.

use std::sync::Arc;

use cocaine::{Bytes, Headers, Result, ServiceClient as _, Trace};
use cocaine_bindings::AppClient;

use super::{
    current_overseer::CurrentOverseer, event::request::EventRequest, overseer::local_event::LocalResponse,
};
use crate::metrics::{MetricsRegistry, ServiceMetrics};

/// An app whose events are called without a connection. They are counted like those of its clients.
#[derive(Debug)]
pub(crate) struct LocalApp {
    overseer: CurrentOverseer,
    metrics: Arc<ServiceMetrics>,
    /// The index of the method that is counted.
    enqueue: usize,
}

impl LocalApp {
    /// Returns the running app `name`; `None` if its calls are not counted under its name.
    pub(super) fn new(name: &str, overseer: CurrentOverseer, metrics: &MetricsRegistry) -> Option<Self> {
        let enqueue = AppClient::SPEC.methods.iter().position(|method| method.name == "enqueue")?;
        Some(Self { overseer, metrics: metrics.find(name, AppClient::SPEC)?, enqueue })
    }

    /// Sends an event with its whole request, and returns the response.
    pub(crate) fn call(
        &self,
        event: &str,
        headers: Headers,
        chunk: Bytes,
    ) -> impl Future<Output = Result<LocalResponse>> + Send + 'static + use<> {
        let (overseer, timer) = (self.overseer.load(), self.metrics.start_call(self.enqueue));
        let request = EventRequest::local(event, headers, Trace::current());
        async move { overseer.handle_local_event(request, chunk, timer).await }
    }
}
