//! What a client enqueues.

use std::time::Duration;

use cocaine::{Error, Headers, Trace, bind::Caller};

use crate::errno;

/// An event that a client enqueues.
#[derive(Debug)]
pub(crate) struct EventRequest {
    pub(crate) event: String,
    pub(crate) headers: Headers,
    pub(crate) trace: Option<Trace>,
}

/// The header in which a client limits the time of an event: milliseconds, as 8 bytes.
const REQUEST_TIMEOUT: &str = "request_timeout";

impl EventRequest {
    pub(crate) fn new(event: &str, caller: &Caller) -> Self {
        Self { event: event.to_owned(), headers: caller.headers().clone(), trace: caller.trace() }
    }

    /// Returns how long the event may take: the client's limit, or `default` without one (`node.md` 5.1).
    pub(crate) fn timeout(&self, default: Duration) -> Result<Duration, Error> {
        let Some(value) = self.headers.get(REQUEST_TIMEOUT) else { return Ok(default) };
        let millis = <[u8; 8]>::try_from(value.as_ref()).map_err(|_| {
            let len = value.len();
            errno::invalid_argument(&format!(
                "{REQUEST_TIMEOUT} has {len} bytes; it takes 8, of milliseconds"
            ))
        })?;
        Ok(Duration::from_millis(u64::from_le_bytes(millis)))
    }
}
