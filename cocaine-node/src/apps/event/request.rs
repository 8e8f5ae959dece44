//! What a client enqueues.

use std::time::Duration;

use cocaine::{
    Error, Headers, Trace,
    bind::{Caller, REQUEST_TIMEOUT, decode_request_timeout},
    server::BODY_HEADER,
};

use crate::errno;

/// An event that a client enqueues.
#[derive(Debug)]
pub(crate) struct EventRequest {
    pub(crate) event: String,
    pub(crate) headers: Headers,
    pub(crate) trace: Option<Trace>,
    /// Whether the client offers to send the body of a request in pieces.
    pub(crate) offers_body: bool,
}

impl EventRequest {
    pub(crate) fn new(event: &str, caller: &Caller) -> Self {
        let headers = caller.headers().clone();
        let offers_body = headers.get(BODY_HEADER).is_some();
        Self { event: event.to_owned(), headers, trace: caller.trace(), offers_body }
    }

    /// Returns the event of a caller in this process.
    pub(crate) fn local(event: &str, headers: Headers, trace: Option<Trace>) -> Self {
        Self { event: event.to_owned(), headers, trace, offers_body: false }
    }

    /// Returns how long the event may take: the client's limit, or `default` without one (`node.md` 5.1).
    pub(crate) fn timeout(&self, default: Duration) -> Result<Duration, Error> {
        let Some(value) = self.headers.get(REQUEST_TIMEOUT) else { return Ok(default) };
        decode_request_timeout(value).ok_or_else(|| {
            let len = value.len();
            errno::invalid_argument(&format!(
                "{REQUEST_TIMEOUT} has {len} bytes; it takes 8, of milliseconds"
            ))
        })
    }
}
