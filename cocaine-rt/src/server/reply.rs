//! Replies to an invocation, exactly once.

use std::{
    future::{Future, poll_fn},
    mem,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use futures_core::Stream;
use serde::Serialize;

use super::{Caller, ServedConnection};
use crate::{
    connection::{
        channel::{ChannelRef, ErrorContext},
        dyn_receiver::DynReceiver,
        dyn_sender::{DynSender, Side},
        guard::Guard,
        halves::Sender,
        mux::{InvocationCost, Mux},
    },
    protocol::{
        code::Code,
        error::{Error, ErrorKind, Result},
        graph::{ERROR, Method, TreeShape, VALUE},
        memory::MemoryBudget,
        spec::OnDrop,
        trace::Trace,
    },
    wire::{encode, frame::FrameHeaders, hpack, scratch::Scratch},
};

/// Replies to one invocation. Dropping it without a reply sends an error, or closes the connection if the method has no
/// reply (`protocol.md` 2.2).
#[derive(Debug)]
pub struct CallResponder {
    pub(super) run: RunningCall,
    method: usize,
    is_reply_due: bool,
}

/// A running invocation, counted until it is dropped.
#[derive(Debug)]
pub(super) struct RunningCall {
    pub(super) host: Arc<ServedConnection>,
    pub(super) caller: Caller,
    pub(super) cost: InvocationCost,
    pub(super) is_finished: bool,
}

impl RunningCall {
    /// Runs `act` and finishes the invocation, unless it has finished, under one lock.
    fn finish(&mut self, act: impl FnOnce(&mut Mux)) {
        let Self { host, caller, cost, is_finished } = self;
        host.handle.with(|mux| {
            act(mux);
            if !mem::replace(is_finished, true) {
                mux.finish_invocation(caller.id, *cost, None);
            }
        });
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        if !self.is_finished {
            self.finish(|_| ());
        }
    }
}

impl CallResponder {
    pub(super) fn new(run: RunningCall, method: usize) -> Self {
        Self { run, method, is_reply_due: true }
    }

    /// Sends one value or one error. Arguments that cannot be decoded and unknown methods close the connection
    /// (`protocol.md` 2.2).
    pub fn primitive<T: Serialize>(mut self, result: Result<T>) {
        match result {
            Ok(value) => self.reply(VALUE, &value),
            Err(error) => self.reply_error(&error),
        }
    }

    /// Sends no reply. An error closes the connection (`protocol.md` 2.2); a call that exceeds a limit is dropped, and the
    /// log says so.
    pub fn mute(mut self, result: Result<()>) {
        self.is_reply_due = false;
        match result {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::LimitExceeded(_)) => {
                let (peer, method) = (self.run.host.handle.peer(), &self.method().name);
                tracing::warn!(%peer, %method, %error, "a call was dropped");
            }
            Err(error) => self.close(&error),
        }
    }

    /// Sends the items of a stream. Drops the stream when the channel is revoked or the connection ends.
    pub async fn stream<S, T>(mut self, items: Result<S>)
    where
        S: Stream<Item = Result<T>> + Send,
        T: Serialize + Send,
    {
        let items = match items {
            Ok(items) => items,
            Err(error) => return self.reply_error(&error),
        };
        self.is_reply_due = false;
        let sender = Sender::from(self.sender());
        if let Err(error) = send_items(items, sender).await {
            tracing::debug!(peer = %self.run.host.handle.peer(), %error, "a stream ended early");
        }
    }

    /// Sends `true` once the guard is ready, and keeps the guard until the client releases it or disconnects. Drops the
    /// future if that happens before.
    pub async fn hold(mut self, guard: impl Future<Output = Result<Guard>>) {
        self.is_reply_due = false;
        let sender = Sender::<bool>::from(self.sender());
        let guard = match until_closed(&sender, guard).await {
            None => return sender.abandon(),
            Some(Ok(guard)) => guard,
            Some(Err(error)) => {
                sender.abandon();
                return self.reply_error(&error);
            }
        };
        if let Err(error) = send_guard(guard, sender).await {
            tracing::debug!(peer = %self.run.host.handle.peer(), %error, "a guard was lost early");
        }
    }

    /// Replies through the halves of a session, which are opened once the arguments are decoded.
    pub fn session(mut self) -> (SessionHalves, SessionOutcome) {
        self.is_reply_due = false;
        let is_open = Arc::new(AtomicBool::new(false));
        let halves = SessionHalves {
            is_open: is_open.clone(),
            channel: self.channel(),
            host: self.run.host.clone(),
            side: self.side(),
            method: self.method,
        };
        (halves, SessionOutcome { responder: self, is_open })
    }

    /// Closes the connection, since the table has no such method.
    pub fn unknown(mut self) {
        self.is_reply_due = false;
        self.close(&Error::unbound());
    }

    fn method(&self) -> &Method {
        &self.run.host.served.graph.entries()[self.method]
    }

    fn channel(&self) -> ChannelRef {
        let method = Some(self.method().name.clone());
        ChannelRef {
            handle: self.run.host.handle.clone(),
            key: self.run.caller.channel(),
            context: ErrorContext { method, ..ErrorContext::default() },
        }
    }

    fn side(&self) -> Side {
        Side::Server(self.run.caller.trace, self.run.host.served.extra.get(self.method).cloned().flatten())
    }

    fn sender(&self) -> DynSender {
        DynSender::new(self.channel(), &self.method().upstream, self.side(), OnDrop::Terminal, false)
    }

    fn reply_error(&mut self, error: &Error) {
        self.is_reply_due = false;
        match error.kind() {
            ErrorKind::InvalidArguments(_) | ErrorKind::Unbound => self.close(error),
            _ => self.reply(ERROR, &error.error_args()),
        }
    }

    fn reply<T: Serialize>(&mut self, kind: u64, value: &T) {
        let mut scratch = Scratch::take();
        let encoded = encode::args(value, &mut scratch).map_err(Error::from_encode);
        self.is_reply_due = false;
        if let (Err(error), VALUE) = (&encoded, kind) {
            return self.reply_error(error);
        }
        if kind == VALUE
            && let Err(refusal) = self.admit(scratch.len())
        {
            drop(scratch);
            return self.reply_error(&refusal);
        }
        let mut buf = Vec::new();
        let extra =
            self.run.host.served.extra.get(self.method).and_then(Option::as_deref).unwrap_or_default();
        let headers =
            FrameHeaders::Encoded(hpack::write_reply(&mut buf, self.run.caller.trace.map(Trace::ids), extra));
        let id = self.run.caller.id;
        self.run.finish(|mux| {
            if !mux.is_abandoned(id) {
                // A connection that has closed drops the reply.
                drop(mux.send(id, kind, &scratch, headers));
            }
        });
    }

    /// Checks that there is memory for an answer of `bytes` bytes.
    fn admit(&self, bytes: usize) -> Result<()> {
        let RunningCall { host, caller, cost, .. } = &self.run;
        let is_small = bytes <= MemoryBudget::UNCOUNTED_BYTES;
        if is_small || host.handle.with(|mux| mux.admit_reply(caller.id, cost.bytes, bytes)) {
            return Ok(());
        }
        Err(host.handle.memory().refusal(bytes))
    }

    fn close(&self, error: &Error) {
        let method = &self.method().name;
        let reason = Error::protocol(format!("{method}: {error}"));
        let cause = error.wire_code().unwrap_or(Code::UNCAUGHT_ERROR);
        self.run.host.handle.close(&reason.with_wire_code(cause));
    }
}

impl Drop for CallResponder {
    fn drop(&mut self) {
        if mem::take(&mut self.is_reply_due) {
            let lost = Error::service(Code::UNCAUGHT_ERROR, "the invocation was dropped without an answer");
            match self.method().upstream.shape() {
                TreeShape::End => self.close(&lost),
                _ => self.reply_error(&lost),
            }
        }
    }
}

/// The halves of a session, not opened yet.
#[derive(Debug)]
pub struct SessionHalves {
    is_open: Arc<AtomicBool>,
    channel: ChannelRef,
    host: Arc<ServedConnection>,
    side: Side,
    method: usize,
}

impl SessionHalves {
    /// Opens the halves: one receives from the client, the other sends to it.
    pub fn open<R: From<DynReceiver>, S: From<DynSender>>(self) -> (R, S) {
        self.is_open.store(true, Ordering::Relaxed);
        let method = &self.host.served.graph.entries()[self.method];
        let rx = DynReceiver::new(self.channel.clone(), &method.dispatch);
        let tx = DynSender::new(self.channel, &method.upstream, self.side, OnDrop::Terminal, false);
        (rx.into(), tx.into())
    }
}

/// Ends a session with the result of its handler.
#[derive(Debug)]
pub struct SessionOutcome {
    responder: CallResponder,
    is_open: Arc<AtomicBool>,
}

impl SessionOutcome {
    /// Ends the invocation; an error closes the connection (`protocol.md` 2.2). Arguments that exceed a limit are answered
    /// with an error, since the halves were not opened then.
    pub fn settle(mut self, result: Result<()>) {
        match result {
            Ok(()) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::LimitExceeded(_))
                    && !self.is_open.load(Ordering::Relaxed) =>
            {
                self.responder.reply_error(&error);
            }
            Err(error) => self.responder.close(&error),
        }
    }
}

/// Sends `true` and keeps the guard until it is lost or the client is gone.
async fn send_guard(mut guard: Guard, mut sender: Sender<bool>) -> Result<()> {
    sender.send(true).await?;
    let lost = until_closed(&sender, guard.lost()).await;
    match lost {
        None => sender.abandon(),
        Some(error) => sender.fail(&error)?,
    }
    Ok(())
}

/// Returns the output of `future`, or `None` if the client is gone first.
async fn until_closed<F: Future>(sender: &Sender<bool>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match sender.poll_closed(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    })
    .await
}

/// Sends the items of a stream until it ends or the client is gone.
pub(crate) async fn send_items<S, T>(items: S, mut sender: Sender<T>) -> Result<()>
where
    S: Stream<Item = Result<T>> + Send,
    T: Serialize + Send,
{
    let mut items = pin!(items);
    loop {
        let next = poll_fn(|cx| match sender.poll_closed(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => items.as_mut().poll_next(cx).map(Some),
        });
        match next.await {
            None => {
                sender.abandon();
                return Ok(());
            }
            Some(Some(Ok(item))) => sender.send(item).await?,
            Some(Some(Err(error))) => return sender.fail(&error),
            Some(None) => return sender.finish(),
        }
    }
}
