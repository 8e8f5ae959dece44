//! The four ways to call an event.

use std::{
    future::poll_fn,
    task::{Poll, Waker},
};

use serde::de::DeserializeOwned;
use tokio::{task::yield_now, time::timeout_at};

use super::{
    arguments::FirstChunk,
    halves::{EventReceiver, EventReply, EventSender},
    reply::ReplyFuture,
    spec::{EventEnding, EventOpening, EventSpec},
};
use crate::{
    client::{
        clock,
        methods::{BoundMethod, Selector},
        service::Service,
        service_connection::{Request, SendAttempt, ServiceConnection},
    },
    connection::{
        dyn_receiver::DynReceiver,
        dyn_sender::DynSender,
        halves::{Duplex, Receiver, StreamChannel},
    },
    protocol::error::{Error, Result},
    wire::{bytes::Bytes, scratch::Scratch},
};

impl EventSpec {
    /// Calls the event and returns its reply, within the deadline of the service.
    pub async fn call<T, E>(&'static self, service: &Service, arguments: FirstChunk) -> Result<T, E>
    where
        T: DeserializeOwned + 'static,
        E: From<Error>,
    {
        let mut reply = service.call_event(self, arguments).await?;
        reply.decode().map_err(E::from)
    }

    /// Calls the event, which answers with a stream. It is called now if the service is connected, and otherwise when the
    /// stream is first read.
    pub fn stream<T, E>(&'static self, service: &Service, arguments: FirstChunk) -> EventReceiver<T, E> {
        EventReceiver::new(service.stream_event(self, arguments))
    }

    /// Calls the event, which reads a stream and replies once.
    pub async fn call_with_input<S, T, E>(
        &'static self,
        service: &Service,
        arguments: FirstChunk,
    ) -> Result<Duplex<EventSender<S>, EventReply<T, E>>> {
        let (tx, rx) = service.open_event(self, arguments).await?;
        Ok(Duplex { tx: tx.into(), rx: rx.into() })
    }

    /// Calls the event, which reads a stream and answers with another.
    pub async fn stream_with_input<S, T, E>(
        &'static self,
        service: &Service,
        arguments: FirstChunk,
    ) -> Result<Duplex<EventSender<S>, EventReceiver<T, E>>> {
        let (tx, rx) = service.open_event(self, arguments).await?;
        Ok(Duplex { tx: tx.into(), rx: rx.into() })
    }
}

/// One call of an event, encoded.
struct EventCall {
    spec: &'static EventSpec,
    chunk: Option<Scratch>,
    ending: EventEnding,
}

impl EventCall {
    fn opening(&self) -> EventOpening<'_> {
        EventOpening { spec: self.spec, chunk: self.chunk.as_deref(), ending: self.ending }
    }
}

impl Service {
    fn encode_event(
        &self,
        spec: &'static EventSpec,
        arguments: FirstChunk,
        ending: EventEnding,
    ) -> Result<EventCall> {
        let chunk = arguments.into_encoded();
        let chunk = chunk.map_err(|error| self.add_context(error, Selector::Event(spec)))?;
        Ok(EventCall { spec, chunk, ending })
    }

    /// Calls an event that is answered once; returns its reply when all of it has come.
    async fn call_event(&self, spec: &'static EventSpec, arguments: FirstChunk) -> Result<ReplyFuture> {
        let call = self.encode_event(spec, arguments, EventEnding::OneReply)?;
        if self.options.has_short_deadline() {
            return Box::pin(self.call_event_within_deadline(call)).await;
        }
        let attempt = poll_fn(|cx| Poll::Ready(self.try_send_event(&call, cx.waker())));
        let SendAttempt::Sent(rx) = attempt.await? else {
            return Box::pin(self.call_event_within_deadline(call)).await;
        };
        drop(call);
        let mut reply = ReplyFuture::new(rx);
        (&mut reply).await.map(|()| reply)
    }

    /// Connects, waits for room, calls the event and waits for its reply, until a timer ends.
    async fn call_event_within_deadline(&self, call: EventCall) -> Result<ReplyFuture> {
        let ends = clock::after(self.options.deadline);
        let method = Selector::Event(call.spec);
        let mut reply = ReplyFuture::new(self.send_event(call).await?);
        if let Ok(ended) = timeout_at(ends, &mut reply).await {
            ended.map(|()| reply)
        } else {
            // The connection reads first what came while this thread was busy.
            yield_now().await;
            let error = self.deadline_error(method);
            reply.check_silence();
            Err(error)
        }
    }

    fn stream_event(&self, spec: &'static EventSpec, arguments: FirstChunk) -> Receiver<Bytes> {
        let call = match self.encode_event(spec, arguments, EventEnding::Stream) {
            Ok(call) => call,
            Err(error) => return Receiver::failed(error),
        };
        match self.try_send_event(&call, Waker::noop()) {
            Ok(SendAttempt::Sent(rx)) => rx.into(),
            Ok(_) => Receiver::from_open_future(self.clone().open_event_stream(call)),
            Err(error) => Receiver::failed(error),
        }
    }

    async fn open_event_stream(self, call: EventCall) -> Result<StreamChannel> {
        self.send_event(call).await.map(StreamChannel::from)
    }

    /// Calls an event that reads a stream.
    async fn open_event(
        &self,
        spec: &'static EventSpec,
        arguments: FirstChunk,
    ) -> Result<(DynSender, DynReceiver)> {
        let call = self.encode_event(spec, arguments, EventEnding::Session)?;
        let open = |connection: &ServiceConnection, bound: &BoundMethod, request: Request<'_>| {
            connection.open_event_session(bound, Request { event: Some(call.opening()), ..request })
        };
        self.send_request(Selector::Event(spec), spec.args(), open).await
    }

    /// Sends the request of an event that reads no stream, connecting and waiting for room as needed.
    async fn send_event(&self, call: EventCall) -> Result<DynReceiver> {
        let open = |connection: &ServiceConnection, bound: &BoundMethod, request: Request<'_>| {
            connection.open_event(bound, Request { event: Some(call.opening()), ..request })
        };
        self.send_request(Selector::Event(call.spec), call.spec.args(), open).await
    }

    #[inline]
    fn try_send_event(&self, call: &EventCall, waker: &Waker) -> Result<SendAttempt<DynReceiver>> {
        let open = |connection: &ServiceConnection, bound: &BoundMethod, request: Request<'_>| {
            connection.open_event(bound, Request { event: Some(call.opening()), ..request })
        };
        self.try_send(Selector::Event(call.spec), call.spec.args(), waker, open)
    }
}
