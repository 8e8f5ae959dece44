//! What answers an invocation, each way exactly once.

use std::{
    future::{Future, poll_fn},
    mem,
    pin::pin,
    sync::Arc,
    task::Poll,
};

use futures_core::Stream;
use serde::Serialize;

use super::Host;
use crate::{
    connection::{
        channel::{ChannelRef, DynReceiver, DynSender, ErrorContext, Side},
        guard::Guard,
        halves::Sender,
        mux::{ChannelKey, InvocationCost, Mux},
    },
    protocol::{
        code::Code,
        error::{Error, ErrorKind, Result},
        graph::{ERROR, Method, TreeShape, VALUE},
        spec::OnDrop,
        trace::Trace,
    },
    wire::{encode, frame::FrameHeaders, hpack, scratch::Scratch},
};

/// The answer that an invocation owes. Dropped without one, it answers with an error, or closes the connection if its
/// method never answers (`protocol.md` 2.2).
#[derive(Debug)]
pub struct Answer {
    run: Run,
    method: usize,
    trace: Option<Trace>,
    owed: bool,
}

/// An invocation under way: counted until it is dropped.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) host: Arc<Host>,
    pub(super) key: ChannelKey,
    pub(super) cost: InvocationCost,
    pub(super) ended: bool,
}

impl Run {
    /// Ends the invocation, unless it has ended, with a last act under one lock.
    fn end(&mut self, act: impl FnOnce(&mut Mux)) {
        let Self { host, key, cost, ended } = self;
        host.handle.with(|mux| {
            act(mux);
            if !mem::replace(ended, true) {
                mux.finish_invocation(key.id, *cost, None);
            }
        });
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.ended {
            self.end(|_| ());
        }
    }
}

impl Answer {
    pub(super) fn new(run: Run, method: usize, trace: Option<Trace>) -> Self {
        Self { run, method, trace, owed: true }
    }

    /// Answers once. Arguments that could not be decoded, and a method that nobody serves, close the connection
    /// (`protocol.md` 2.2).
    pub fn primitive<T: Serialize>(mut self, result: Result<T>) {
        match result {
            Ok(value) => self.reply(VALUE, &value),
            Err(error) => self.refuse(&error),
        }
    }

    /// Does not answer; an error closes the connection (`protocol.md` 2.2).
    pub fn mute(mut self, result: Result<()>) {
        self.owed = false;
        if let Err(error) = result {
            self.close(&error);
        }
    }

    /// Answers with the items of a stream; it is dropped when the channel is revoked or the connection ends.
    pub async fn stream<S, T>(mut self, items: Result<S>)
    where
        S: Stream<Item = Result<T>> + Send,
        T: Serialize + Send,
    {
        let items = match items {
            Ok(items) => items,
            Err(error) => return self.refuse(&error),
        };
        self.owed = false;
        let sender = Sender::from(self.half());
        if let Err(error) = pump(items, sender).await {
            tracing::debug!(peer = %self.run.host.handle.peer(), %error, "a stream ended early");
        }
    }

    /// Answers once something is held, and holds it until the client lets go or leaves; what is still to be held then
    /// is given up.
    pub async fn hold(mut self, held: impl Future<Output = Result<Guard>>) {
        self.owed = false;
        let sender = Sender::<bool>::from(self.half());
        let held = match unless_gone(&sender, held).await {
            None => return sender.abandon(),
            Some(Ok(held)) => held,
            Some(Err(error)) => {
                sender.abandon();
                return self.refuse(&error);
            }
        };
        if let Err(error) = keep(held, sender).await {
            tracing::debug!(peer = %self.run.host.handle.peer(), %error, "what was held was lost early");
        }
    }

    /// Answers through the halves of a session, which are opened once the arguments are decoded.
    pub fn session(mut self) -> (Halves, Outcome) {
        self.owed = false;
        let halves = Halves {
            channel: self.channel(),
            host: self.run.host.clone(),
            side: self.side(),
            method: self.method,
        };
        (halves, Outcome(self))
    }

    /// Closes the connection: the table has no such method.
    pub fn unknown(mut self) {
        self.owed = false;
        self.close(&Error::unbound());
    }

    fn method(&self) -> &Method {
        &self.run.host.offer.graph.entries()[self.method]
    }

    fn channel(&self) -> ChannelRef {
        let method = Some(self.method().name.clone());
        ChannelRef {
            handle: self.run.host.handle.clone(),
            key: self.run.key,
            context: ErrorContext { method, ..ErrorContext::default() },
        }
    }

    fn side(&self) -> Side {
        Side::Server(self.trace, self.run.host.offer.extra.get(self.method).cloned().flatten())
    }

    fn half(&self) -> DynSender {
        DynSender::new(self.channel(), &self.method().upstream, self.side(), OnDrop::Terminal, false)
    }

    fn refuse(&mut self, error: &Error) {
        self.owed = false;
        match error.kind() {
            ErrorKind::InvalidArguments(_) | ErrorKind::Unbound => self.close(error),
            _ => self.reply(ERROR, &error.answer()),
        }
    }

    fn reply<T: Serialize>(&mut self, kind: u64, value: &T) {
        let mut scratch = Scratch::take();
        let encoded = encode::args(value, &mut scratch).map_err(Error::from_encode);
        self.owed = false;
        if let (Err(error), VALUE) = (&encoded, kind) {
            return self.refuse(error);
        }
        let mut buf = Vec::new();
        let extra = self.run.host.offer.extra.get(self.method).and_then(Option::as_deref).unwrap_or_default();
        let headers = FrameHeaders::Encoded(hpack::write_reply(&mut buf, self.trace.map(Trace::ids), extra));
        // A connection that has ended takes no answer.
        let id = self.run.key.id;
        self.run.end(|mux| drop(mux.send(id, kind, &scratch, headers)));
    }

    fn close(&self, error: &Error) {
        let method = &self.method().name;
        let reason = Error::protocol(format!("{method}: {error}"));
        let cause = error.wire_code().unwrap_or(Code::UNCAUGHT_ERROR);
        self.run.host.handle.close(&reason.with_wire_code(cause));
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if mem::take(&mut self.owed) {
            let lost = Error::service(Code::UNCAUGHT_ERROR, "the invocation was dropped without an answer");
            match self.method().upstream.shape() {
                TreeShape::End => self.close(&lost),
                _ => self.refuse(&lost),
            }
        }
    }
}

/// The halves of a session that are not opened yet.
#[derive(Debug)]
pub struct Halves {
    channel: ChannelRef,
    host: Arc<Host>,
    side: Side,
    method: usize,
}

impl Halves {
    /// Opens them: what the client sends, and what it is sent.
    pub fn open<R: From<DynReceiver>, S: From<DynSender>>(self) -> (R, S) {
        let method = &self.host.offer.graph.entries()[self.method];
        let rx = DynReceiver::new(self.channel.clone(), &method.dispatch);
        let tx = DynSender::new(self.channel, &method.upstream, self.side, OnDrop::Terminal, false);
        (rx.into(), tx.into())
    }
}

/// What becomes of the connection when a session's handler has ended.
#[derive(Debug)]
pub struct Outcome(Answer);

impl Outcome {
    /// Ends the invocation; an error closes the connection (`protocol.md` 2.2).
    pub fn settle(self, result: Result<()>) {
        if let Err(error) = result {
            self.0.close(&error);
        }
    }
}

/// Says that something is held, and holds it until it is lost or nobody listens.
async fn keep(mut held: Guard, mut sender: Sender<bool>) -> Result<()> {
    sender.send(true).await?;
    let lost = unless_gone(&sender, held.lost()).await;
    match lost {
        None => sender.abandon(),
        Some(error) => sender.fail(&error)?,
    }
    Ok(())
}

/// Returns what `future` ends with; `None` if nobody listens by then.
async fn unless_gone<F: Future>(sender: &Sender<bool>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match sender.poll_closed(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    })
    .await
}

/// Sends the items of a stream until it ends or nobody listens.
pub(crate) async fn pump<S, T>(items: S, mut sender: Sender<T>) -> Result<()>
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
