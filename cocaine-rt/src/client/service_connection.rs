//! A connection to one service, with the methods that can be called on it.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{
    client::{
        event::spec::{EventEnding, EventOpening},
        methods::{BoundMethod, MethodTable},
    },
    connection::{
        channel::{ChannelRef, ErrorContext},
        dyn_receiver::DynReceiver,
        dyn_sender::{DynSender, Side},
        halves::StreamChannel,
        handle::ConnectionHandle,
        mux::{ChannelKey, NewChannel, TICK, message::Message, recv_state::RecvState},
    },
    protocol::{
        credit::{CREDIT_HEADER, encode_offer},
        error::Result,
        graph::CallKind,
        request_timeout::{REQUEST_TIMEOUT, encode_request_timeout},
        trace::Trace,
    },
    schema::HASH_HEADER,
    wire::{
        bytes::Bytes,
        encode::{self, Encoded},
        frame::FrameHeaders,
        hpack,
    },
};

/// The deadline and the headers that a client or a service sends with each call.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) deadline: Duration,
    /// Whether the user has set the deadline: only then does it apply to sessions and events.
    pub(crate) is_deadline_set: bool,
    pub(crate) headers: Option<Arc<Vec<(Bytes, Bytes)>>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { deadline: Self::DEADLINE, is_deadline_set: false, headers: None }
    }
}

impl Options {
    const DEADLINE: Duration = Duration::from_secs(30);
    /// A deadline below this gets a timer of its own; the connection checks longer ones in ticks.
    const SHORT: Duration = Duration::from_secs(1);

    pub(crate) fn has_short_deadline(&self) -> bool {
        self.deadline < Self::SHORT
    }

    pub(crate) fn with_header(&self, name: &str, value: Bytes) -> Self {
        let mut headers = self.headers.as_deref().cloned().unwrap_or_default();
        headers.push((name.into(), value));
        Self { headers: Some(Arc::new(headers)), ..self.clone() }
    }

    pub(crate) fn with_deadline(&self, deadline: Duration) -> Self {
        Self { deadline, is_deadline_set: true, ..self.clone() }
    }

    /// Returns the deadline in ticks, rounded up.
    fn deadline_ticks(&self) -> u64 {
        u64::try_from(self.deadline.as_millis().div_ceil(TICK.as_millis()) + 1).unwrap_or(u64::MAX)
    }

    /// Returns the deadline of an event in ticks: none unless the user has set one.
    fn event_deadline_ticks(&self) -> u64 {
        if self.is_deadline_set { self.deadline_ticks() } else { u64::MAX }
    }

    /// Writes the headers of a request: the trace, the user's headers, and for an event its deadline, the hash of its
    /// schema and the offer of `credit`.
    #[inline]
    fn encode_headers<'a>(
        &self,
        buf: &'a mut Vec<u8>,
        is_event: bool,
        hash: Option<&str>,
        credit: Option<usize>,
    ) -> FrameHeaders<'a> {
        let trace = Trace::current();
        let has_timeout = is_event && self.is_deadline_set;
        let own = self.headers.as_deref().map_or(&[][..], Vec::as_slice);
        let added = [has_timeout, hash.is_some(), credit.is_some()].into_iter().filter(|is_added| *is_added);
        let added = added.count();
        if trace.is_none() && own.is_empty() && added == 0 {
            return FrameHeaders::None;
        }
        buf.reserve(USUAL_HEADERS_LEN);
        let count = own.len() + added + if trace.is_some() { 3 } else { 0 };
        encode::write_array_len(buf, count);
        if let Some(trace) = trace {
            hpack::write_trace_ids(buf, trace.ids());
        }
        for (name, value) in own {
            hpack::write_literal(buf, name, value);
        }
        if has_timeout {
            let timeout = encode_request_timeout(self.deadline);
            hpack::write_literal(buf, REQUEST_TIMEOUT.as_bytes(), &timeout);
        }
        if let Some(hash) = hash {
            hpack::write_literal(buf, HASH_HEADER.as_bytes(), hash.as_bytes());
        }
        if let Some(window) = credit {
            hpack::write_literal(buf, CREDIT_HEADER.as_bytes(), &encode_offer(window));
        }
        FrameHeaders::Encoded(buf)
    }
}

/// The room for the headers of a typed event with a deadline: more needs another allocation.
const USUAL_HEADERS_LEN: usize = 112;

/// The outcome of an attempt to send.
pub(crate) enum SendAttempt<T> {
    Sent(T),
    /// Too much is queued; wait for room and try again.
    Full(ConnectionHandle),
    /// There is no connection, or it has closed. Nothing was sent.
    Closed,
}

impl<T> SendAttempt<T> {
    fn map<U>(self, convert: impl FnOnce(T) -> U) -> SendAttempt<U> {
        match self {
            Self::Sent(sent) => SendAttempt::Sent(convert(sent)),
            Self::Full(handle) => SendAttempt::Full(handle),
            Self::Closed => SendAttempt::Closed,
        }
    }
}

/// The arguments and the options of one call.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) args: &'a Encoded,
    pub(crate) options: &'a Options,
    /// Woken when there is room, and when the reply arrives.
    pub(crate) waker: &'a Waker,
    /// What a typed event sends with its request.
    pub(crate) event: Option<EventOpening<'a>>,
}

/// A connection to a service, and the methods that the service has.
#[derive(Debug)]
pub(crate) struct ServiceConnection {
    pub(crate) handle: ConnectionHandle,
    pub(crate) table: MethodTable,
    pub(crate) service: Arc<str>,
}

impl ServiceConnection {
    /// Sends a call that gets one reply. The waker of `request` is woken when the reply arrives.
    #[inline]
    pub(crate) fn call(
        &self,
        bound: &BoundMethod,
        request: Request<'_>,
    ) -> Result<SendAttempt<PendingReply>> {
        bound.check_kind(CallKind::Unary)?;
        let ticks = request.options.deadline_ticks();
        let (handle, close) = (&self.handle, bound.close);
        let receptions = handle.receptions();
        let attempt = self.send_request(bound, request, RecvState::Primitive, ticks);
        Ok(attempt.map(|key| PendingReply {
            handle: handle.clone(),
            key,
            close,
            receptions,
            is_first_poll: true,
            is_done: false,
        }))
    }

    /// Sends a call that gets no reply.
    pub(crate) fn send(&self, bound: &BoundMethod, request: Request<'_>) -> Result<SendAttempt<()>> {
        bound.check_kind(CallKind::Mute)?;
        Ok(self.send_request(bound, request, RecvState::Ended, u64::MAX).map(|_| ()))
    }

    /// Opens a channel on which only the service sends messages.
    pub(crate) fn open_stream(
        &self,
        bound: &BoundMethod,
        request: Request<'_>,
    ) -> Result<SendAttempt<StreamChannel>> {
        bound.check_kind(CallKind::Streaming)?;
        Ok(self.open_channel(bound, request).map(|channel| {
            if bound.close.is_none() {
                return DynReceiver::new(channel, &bound.upstream).into();
            }
            let (close, rx) = self.halves(bound, channel);
            StreamChannel { _close: Some(Box::new(close)), rx }
        }))
    }

    /// Opens a channel on which both sides send messages.
    pub(crate) fn open_session(
        &self,
        bound: &BoundMethod,
        request: Request<'_>,
    ) -> Result<SendAttempt<(DynSender, DynReceiver)>> {
        bound.check_kind(CallKind::Session)?;
        Ok(self.open_channel(bound, request).map(|channel| self.halves(bound, channel)))
    }

    /// Opens the channel of an event whose caller sends nothing after its request.
    pub(crate) fn open_event(
        &self,
        bound: &BoundMethod,
        request: Request<'_>,
    ) -> Result<SendAttempt<DynReceiver>> {
        bound.check_event()?;
        Ok(self.open_channel(bound, request).map(|channel| DynReceiver::new(channel, &bound.upstream)))
    }

    /// Opens the channel of an event whose caller sends a stream.
    pub(crate) fn open_event_session(
        &self,
        bound: &BoundMethod,
        request: Request<'_>,
    ) -> Result<SendAttempt<(DynSender, DynReceiver)>> {
        bound.check_event()?;
        self.open_session(bound, request)
    }

    fn open_channel(&self, bound: &BoundMethod, request: Request<'_>) -> SendAttempt<ChannelRef> {
        let ticks = match request.event {
            Some(event) if event.ending == EventEnding::OneReply => request.options.deadline_ticks(),
            _ if bound.is_event => request.options.event_deadline_ticks(),
            _ => u64::MAX,
        };
        let receptions = self.handle.receptions();
        self.send_request(bound, request, RecvState::new(&bound.upstream), ticks).map(|key| {
            let name = request.event.map_or(&bound.name, |event| event.spec.shared_name());
            let (service, method) = (Some(self.service.clone()), Some(name.clone()));
            let context = ErrorContext { service, method, deadline: request.options.deadline, receptions };
            ChannelRef { handle: self.handle.clone(), key, context }
        })
    }

    #[inline]
    fn send_request(
        &self,
        bound: &BoundMethod,
        request: Request<'_>,
        recv_state: RecvState,
        ticks: u64,
    ) -> SendAttempt<ChannelKey> {
        let Request { args, options, waker, event } = request;
        let mut headers = Vec::new();
        let hash = event.map(|event| event.spec.hash()).filter(|hash| !hash.is_empty());
        let is_duplex = bound.is_event && bound.kind == CallKind::Session;
        let credit = is_duplex.then(|| self.handle.stream_window());
        let headers = options.encode_headers(&mut headers, bound.is_event, hash, credit);
        self.handle.with(|mux| {
            if mux.poll_room(waker).is_pending() {
                return SendAttempt::Full(self.handle.clone());
            }
            let reader = (!recv_state.is_ended()).then(|| waker.clone());
            let offers_credit = credit.is_some();
            let open =
                NewChannel { method: bound.id, args, headers, recv_state, ticks, reader, offers_credit };
            let opened = match event {
                Some(event) => mux.open_event(open, event.chunk, event.close()),
                None => mux.open(open),
            };
            opened.map_or(SendAttempt::Closed, SendAttempt::Sent)
        })
    }

    /// Returns the two halves of a session's channel.
    fn halves(&self, bound: &BoundMethod, channel: ChannelRef) -> (DynSender, DynReceiver) {
        let tx = DynSender::new(
            channel.clone(),
            &bound.dispatch,
            Side::Client,
            bound.on_drop,
            self.table.accepts_revoke(),
        );
        (tx, DynReceiver::new(channel, &bound.upstream))
    }
}

/// A call in flight. Dropping it discards the reply.
#[derive(Debug)]
pub(crate) struct PendingReply {
    handle: ConnectionHandle,
    key: ChannelKey,
    /// The message that closes the channel, sent on drop whether or not a reply came (`services.md` 8).
    close: Option<u64>,
    /// The count of arrivals when the call was sent.
    receptions: u64,
    /// The waker is registered when the call is sent, so the first poll has nothing to do.
    is_first_poll: bool,
    is_done: bool,
}

impl PendingReply {
    /// Makes further calls connect again if nothing has arrived since this one was sent, which has missed its deadline.
    pub(crate) fn check_silence(&self) {
        self.handle.check_silence(self.receptions);
    }
}

impl Future for PendingReply {
    type Output = Result<Message>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Message>> {
        if std::mem::take(&mut self.is_first_poll) {
            return Poll::Pending;
        }
        let polled = self.handle.with(|mux| mux.poll_reply(self.key, cx.waker()));
        self.is_done = polled.is_ready();
        if let Poll::Ready(Err(error)) = &polled
            && error.is_timeout()
        {
            self.check_silence();
        }
        polled.map_err(|error| error.with_context(None, None, Some(self.handle.peer())))
    }
}

impl Drop for PendingReply {
    #[inline]
    fn drop(&mut self) {
        if !self.is_done {
            self.handle.with(|mux| mux.release_receiver(self.key));
        }
        if let Some(close) = self.close {
            self.handle.with(|mux| mux.send_close(self.key, close));
        }
    }
}
