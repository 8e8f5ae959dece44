//! Tracing: the ids that accompany a request through the cloud (`protocol.md` 5.3, 5.4).

use std::future::Future;

use tracing::Instrument;

use crate::wire::headers::Headers;

tokio::task_local! {
    static CURRENT: Trace;
}

/// The ids of a traced request.
///
/// Every call within [`Trace::scope`] carries them. The handlers of a server run in the scope of their request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trace {
    /// The id of the whole request; never zero.
    pub trace_id: u64,
    /// The id of this part of the request; never zero.
    pub span_id: u64,
    /// The id of the part that caused this one; zero at the root.
    pub parent_id: u64,
}

impl Trace {
    /// Returns a root trace with this id: the span id equals it, and the parent id is zero (`protocol.md` 5.4).
    pub fn root(trace_id: u64) -> Self {
        let trace_id = trace_id.max(1);
        Self { trace_id, span_id: trace_id, parent_id: 0 }
    }

    /// Returns the trace of a part of this request with the id `span_id`.
    #[must_use]
    pub fn child(self, span_id: u64) -> Self {
        Self { trace_id: self.trace_id, span_id: span_id.max(1), parent_id: self.span_id }
    }

    /// Returns the ids in the order of their headers.
    pub(crate) fn ids(self) -> [u64; 3] {
        [self.trace_id, self.span_id, self.parent_id]
    }

    /// Returns the trace of the current scope, if there is one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|trace| *trace).ok()
    }

    /// Runs `future` so that each of its calls carries this trace, within a `tracing` span with the ids as fields.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> + use<F> {
        // An `async` block would store the future twice.
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
    /// Fails if the ids are not a valid trace.
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
