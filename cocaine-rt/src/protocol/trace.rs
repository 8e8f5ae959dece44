//! Who asked for what: the ids that travel with a request through the cloud (`protocol.md` 5.3, 5.4).

use std::future::Future;

use tracing::Instrument;

use crate::wire::headers::Headers;

tokio::task_local! {
    static CURRENT: Trace;
}

/// The ids of a traced request.
///
/// Every call made within [`Trace::scope`] carries them; a server's handlers run in the scope of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trace {
    /// Names the whole request; never zero.
    pub trace_id: u64,
    /// Names this part of it; never zero.
    pub span_id: u64,
    /// Names the part that caused this one; zero at the root.
    pub parent_id: u64,
}

impl Trace {
    /// Returns a root with this id: the span equals the trace, the parent is zero (`protocol.md` 5.4).
    pub fn root(trace_id: u64) -> Self {
        let trace_id = trace_id.max(1);
        Self { trace_id, span_id: trace_id, parent_id: 0 }
    }

    /// Returns the trace of a part of this request, named `span_id`.
    #[must_use]
    pub fn child(self, span_id: u64) -> Self {
        Self { trace_id: self.trace_id, span_id: span_id.max(1), parent_id: self.span_id }
    }

    /// Returns the ids in the order of their headers.
    pub(crate) fn ids(self) -> [u64; 3] {
        [self.trace_id, self.span_id, self.parent_id]
    }

    /// Returns the trace of the scope that runs, if there is one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|trace| *trace).ok()
    }

    /// Runs `future` with this trace on every call that it makes, within a `tracing` span that has the ids as
    /// fields.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> + use<F> {
        // Not `async`: that would keep room for the future twice.
        CURRENT.scope(self, future.instrument(self.span()))
    }

    /// Runs `poll` in the scope of this trace.
    pub(crate) fn enter<R>(self, poll: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self, || self.span().in_scope(poll))
    }

    fn span(self) -> tracing::Span {
        tracing::debug_span!(
            "trace",
            trace_id = self.trace_id,
            span_id = self.span_id,
            parent_id = self.parent_id
        )
    }
}

impl Headers {
    /// Returns the trace of the request: `None` unless all three ids are there (`protocol.md` 5.4).
    ///
    /// # Errors
    /// Ids that make no valid trace.
    pub(crate) fn trace(&self) -> Result<Option<Trace>, &'static str> {
        let Some([trace_id, span_id, parent_id]) = self.trace_ids()? else { return Ok(None) };
        if let Some(bit) = self.get("trace_bit")
            && !matches!(bit.as_ref(), b"0" | b"1")
        {
            return Err("the trace bit is neither 0 nor 1");
        }
        match (trace_id, span_id, parent_id) {
            (0, 0, 0) => Ok(None),
            (0, _, _) => Err("a span without a trace"),
            (_, 0, _) => Err("a trace without a span"),
            _ => Ok(Some(Trace { trace_id, span_id, parent_id })),
        }
    }
}
