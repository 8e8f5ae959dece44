//! One connected service: its connection, and the table of its methods.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{
    client::methods::{Bound, Table},
    connection::{
        channel::{ChannelRef, DynReceiver, DynSender, ErrorContext, Side},
        halves::Reading,
        handle::{ConnectionHandle, TICK},
        mux::{ChannelKey, NewChannel, message::Message, recv_state::RecvState},
    },
    protocol::{
        error::{Error, Result},
        graph::CallKind,
        request_timeout::{REQUEST_TIMEOUT, encode_request_timeout},
        trace::Trace,
    },
    wire::{
        bytes::Bytes,
        encode::{self, Encoded},
        frame::FrameHeaders,
        hpack,
    },
};

/// What goes with the calls of one handle.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) deadline: Duration,
    /// The user has set the deadline: it holds for sessions too.
    pub(crate) chosen: bool,
    pub(crate) headers: Option<Arc<Vec<(Bytes, Bytes)>>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { deadline: Self::DEADLINE, chosen: false, headers: None }
    }
}

impl Options {
    const DEADLINE: Duration = Duration::from_secs(30);
    /// Below this a deadline is kept by a timer of its own.
    const SHORT: Duration = Duration::from_secs(1);

    pub(crate) fn is_short(&self) -> bool {
        self.deadline < Self::SHORT
    }

    pub(crate) fn with_header(&self, name: &str, value: Bytes) -> Self {
        let mut headers = self.headers.as_deref().cloned().unwrap_or_default();
        headers.push((name.into(), value));
        Self { headers: Some(Arc::new(headers)), ..self.clone() }
    }

    pub(crate) fn with_deadline(&self, deadline: Duration) -> Self {
        Self { deadline, chosen: true, ..self.clone() }
    }

    /// Returns how many ticks a call may take: never fewer than its deadline.
    fn ticks(&self) -> u64 {
        u64::try_from(self.deadline.as_millis().div_ceil(TICK.as_millis()) + 1).unwrap_or(u64::MAX)
    }

    /// Returns the deadline of an event: one that the user has set. Other sessions and streams may last for ever.
    fn event_ticks(&self) -> u64 {
        if self.chosen { self.ticks() } else { u64::MAX }
    }

    /// Writes the headers of a request: the trace, the user's own, the time limit of an event.
    #[inline]
    fn encode_headers<'a>(&self, buf: &'a mut Vec<u8>, event: bool) -> FrameHeaders<'a> {
        let (trace, event) = (Trace::current(), event && self.chosen);
        let own = self.headers.as_deref().map_or(&[][..], Vec::as_slice);
        if trace.is_none() && own.is_empty() && !event {
            return FrameHeaders::None;
        }
        let count = own.len() + usize::from(event) + if trace.is_some() { 3 } else { 0 };
        encode::write_array_len(buf, count);
        if let Some(trace) = trace {
            hpack::write_trace_ids(buf, trace.ids());
        }
        for (name, value) in own {
            hpack::write_literal(buf, name, value);
        }
        if event {
            let timeout = encode_request_timeout(self.deadline);
            hpack::write_literal(buf, REQUEST_TIMEOUT.as_bytes(), &timeout);
        }
        FrameHeaders::Encoded(buf)
    }
}

/// What came of an attempt to send.
pub(crate) enum Attempt<T> {
    Sent(T),
    /// Too much is queued: wait for room.
    Full(ConnectionHandle),
    /// There is no connection, or it has ended; nothing was sent.
    Ended,
}

impl<T> Attempt<T> {
    fn map<U>(self, act: impl FnOnce(T) -> U) -> Attempt<U> {
        match self {
            Self::Sent(sent) => Attempt::Sent(act(sent)),
            Self::Full(handle) => Attempt::Full(handle),
            Self::Ended => Attempt::Ended,
        }
    }
}

/// What a call carries.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) args: &'a Encoded,
    pub(crate) options: &'a Options,
    /// Who waits for room, and for the answer.
    pub(crate) waker: &'a Waker,
}

/// A connection to a service.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) handle: ConnectionHandle,
    pub(crate) table: Table,
    pub(crate) service: Arc<str>,
}

impl Link {
    /// Sends a call that is answered once; `waker` is woken when the answer is there.
    #[inline]
    pub(crate) fn call(&self, bound: &Bound, request: Request<'_>) -> Result<Attempt<Pending>> {
        bound.check(CallKind::Unary)?;
        let ticks = request.options.ticks();
        let attempt = self.open(bound, request, RecvState::Primitive, ticks);
        let (handle, close) = (&self.handle, bound.close);
        Ok(attempt.map(|key| Pending { handle: handle.clone(), key, close, fresh: true, done: false }))
    }

    /// Sends a call that is never answered.
    pub(crate) fn mute(&self, bound: &Bound, request: Request<'_>) -> Result<Attempt<()>> {
        bound.check(CallKind::Mute)?;
        Ok(self.open(bound, request, RecvState::Ended, u64::MAX).map(|_| ()))
    }

    /// Opens a channel on which only the other side goes on sending.
    pub(crate) fn stream(&self, bound: &Bound, request: Request<'_>) -> Result<Attempt<Reading>> {
        bound.check(CallKind::Streaming)?;
        Ok(self.channel(bound, request).map(|channel| {
            if bound.close.is_none() {
                return DynReceiver::new(channel, &bound.upstream).into();
            }
            let (close, rx) = self.halves(bound, channel);
            Reading { _close: Some(Box::new(close)), rx }
        }))
    }

    /// Opens a channel on which both sides go on sending.
    pub(crate) fn session(
        &self,
        bound: &Bound,
        request: Request<'_>,
    ) -> Result<Attempt<(DynSender, DynReceiver)>> {
        bound.check(CallKind::Session)?;
        Ok(self.channel(bound, request).map(|channel| self.halves(bound, channel)))
    }

    fn channel(&self, bound: &Bound, request: Request<'_>) -> Attempt<ChannelRef> {
        let ticks = if bound.is_event { request.options.event_ticks() } else { u64::MAX };
        self.open(bound, request, RecvState::new(&bound.upstream), ticks).map(|key| {
            let (service, method) = (Some(self.service.clone()), Some(bound.name.clone()));
            let context = ErrorContext { service, method, deadline: request.options.deadline };
            ChannelRef { handle: self.handle.clone(), key, context }
        })
    }

    #[inline]
    fn open(
        &self,
        bound: &Bound,
        request: Request<'_>,
        recv_state: RecvState,
        ticks: u64,
    ) -> Attempt<ChannelKey> {
        let Request { args, options, waker } = request;
        let mut headers = Vec::new();
        let headers = options.encode_headers(&mut headers, bound.is_event);
        self.handle.with(|mux| {
            if mux.poll_room(waker).is_pending() {
                return Attempt::Full(self.handle.clone());
            }
            let reader = (!recv_state.is_ended()).then(|| waker.clone());
            let open = NewChannel { method: bound.id, args, headers, recv_state, ticks, reader };
            mux.open(open).map_or(Attempt::Ended, Attempt::Sent)
        })
    }

    /// Returns both halves of a session's channel.
    fn halves(&self, bound: &Bound, channel: ChannelRef) -> (DynSender, DynReceiver) {
        let tx = DynSender::new(
            channel.clone(),
            &bound.dispatch,
            Side::Client,
            bound.on_drop,
            self.table.revocable(),
        );
        (tx, DynReceiver::new(channel, &bound.upstream))
    }

    /// Names where an error happened.
    pub(crate) fn blame(&self, error: Error, method: Option<&str>) -> Error {
        error.at(Some(&self.service), method, Some(self.handle.peer()))
    }
}

/// A call in flight; dropped, it is forgotten.
#[derive(Debug)]
pub(crate) struct Pending {
    handle: ConnectionHandle,
    key: ChannelKey,
    /// The message that lets go of the channel, whether it was answered or not (`services.md` 8).
    close: Option<u64>,
    /// Not polled since it was sent: its waker is in place.
    fresh: bool,
    done: bool,
}

impl Future for Pending {
    type Output = Result<Message>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Message>> {
        if std::mem::take(&mut self.fresh) {
            return Poll::Pending;
        }
        let polled = self.handle.with(|mux| mux.poll_reply(self.key, cx.waker()));
        self.done = polled.is_ready();
        polled.map_err(|error| error.at(None, None, Some(self.handle.peer())))
    }
}

impl Drop for Pending {
    #[inline]
    fn drop(&mut self) {
        if !self.done {
            self.handle.with(|mux| mux.release_receiver(self.key));
        }
        if let Some(close) = self.close {
            self.handle.with(|mux| mux.send_close(self.key, close));
        }
    }
}
