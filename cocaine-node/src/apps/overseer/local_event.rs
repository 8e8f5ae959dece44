//! An event of a caller in the node itself, between which and the worker there is no connection.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use cocaine::{
    Bytes, Code, Error, ErrorKind, Result, Sender, Stream,
    server::{ResponsePart, ResponseReader},
};
use tokio::{
    runtime::Handle,
    time::{Sleep, sleep, timeout},
};

use super::{
    Overseer,
    queue::{EventClient, StartedEvent},
    slot::Slot,
};
use crate::{
    apps::{errors, event::request::EventRequest},
    metrics::CallTimer,
};

/// The response to an event of a caller in this process. If it is dropped before its end, the event goes on until the worker has
/// finished what it has taken, as it does for any client that has left (`worker.md` 3.4).
#[derive(Debug)]
pub(crate) struct LocalResponse(Option<OpenEvent>);

/// An event that a worker has.
#[derive(Debug)]
struct OpenEvent {
    slot: Slot,
    /// The id of the channel to the worker.
    id: u64,
    responses: ResponseReader,
    /// The worker is gone, and the caller waits for its error.
    discarded: bool,
    event: String,
    since: Instant,
    deadline: Pin<Box<Sleep>>,
    _timer: CallTimer,
}

impl Overseer {
    /// Sends an event with its whole request to a worker, and returns the response. Dropping the future withdraws an event that no
    /// worker has taken yet.
    pub(crate) async fn handle_local_event(
        &self,
        request: EventRequest,
        chunk: Bytes,
        timer: CallTimer,
    ) -> Result<LocalResponse> {
        let since = Instant::now();
        let started = self.start_event(&request, EventClient::Local, since).await?;
        let StartedEvent { slot, id, worker, time_left } = started;
        slot.channels.open_answering(id, Instant::now());
        let response = LocalResponse(Some(OpenEvent {
            slot,
            id,
            responses: ResponseReader::new(worker.rx),
            discarded: false,
            event: request.event,
            since,
            deadline: Box::pin(sleep(time_left)),
            _timer: timer,
        }));
        send_request(worker.tx, chunk, time_left).await?;
        Ok(response)
    }
}

/// Sends the only chunk of a request. That the worker is gone is left to the response, which says why.
async fn send_request(mut requests: Sender<Bytes>, chunk: Bytes, limit: Duration) -> Result<()> {
    let sent = timeout(limit, requests.send(chunk)).await.unwrap_or_else(|_| Err(timed_out()));
    match sent.and_then(|()| requests.finish()) {
        Err(error) if !matches!(error.kind(), ErrorKind::Disconnected(_)) => Err(error),
        _ => Ok(()),
    }
}

fn timed_out() -> Error {
    Error::service(Code::INVOCATION_TIMED_OUT, errors::DISCARDED)
}

impl OpenEvent {
    /// Returns the next chunk, or the end of the event.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if !self.discarded {
            match self.responses.poll_part(cx) {
                Poll::Ready(ResponsePart::Chunk(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                Poll::Ready(ResponsePart::Closed) => return Poll::Ready(None),
                Poll::Ready(ResponsePart::Failed(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(ResponsePart::Lost(error)) if errors::is_overflow(&error) => {
                    return Poll::Ready(Some(Err(errors::overflow(&error))));
                }
                Poll::Ready(ResponsePart::Lost(_)) => {}
                Poll::Ready(ResponsePart::Malformed(error)) => self.slot.connection.close(&error),
                Poll::Pending => return self.poll_deadline(cx).map(|error| Some(Err(error))),
            }
            self.discarded = true;
        }
        let cause = self.slot.channels.poll_discarded(self.id, cx);
        cause.map(|cause| Some(Err(Error::service(cause, errors::DISCARDED))))
    }

    /// Drops chunks until the end of the event.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.poll_chunk(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                ended => return ended.map(drop),
            }
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.deadline.as_mut().poll(cx).map(|()| {
            let app = &self.slot.overseer.config().app;
            tracing::info!(%app, event = self.event, "an event has timed out");
            timed_out()
        })
    }
}

impl Stream for LocalResponse {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let Some(event) = &mut self.0 else { return Poll::Ready(None) };
        let polled = event.poll_chunk(cx);
        if !matches!(polled, Poll::Pending | Poll::Ready(Some(Ok(_)))) {
            self.0 = None;
        }
        polled
    }
}

impl Drop for LocalResponse {
    fn drop(&mut self) {
        // Without a runtime, the node is gone as well.
        if let (Some(mut event), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(poll_fn(move |cx| event.poll_end(cx)));
        }
    }
}

impl Drop for OpenEvent {
    fn drop(&mut self) {
        self.slot.channels.remove(self.id);
        let now = Instant::now();
        self.slot.overseer.0.metrics.record_finished(now.saturating_duration_since(self.since), now);
    }
}
