//! The state of one connection: open channels, ids, what waits to be written. No I/O, no `async`, no lock.
//!
//! Frames come in through [`Mux::receive`], bytes go out through [`Mux::take_output`], and wakers that became due are
//! collected for whoever holds the lock to wake once it is gone.

pub(crate) mod roots;
pub(crate) mod slot;
mod table;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::{Poll, Waker},
};

use self::{
    roots::{Opening, Roots},
    slot::{Delivery, Message, Reads, Slot},
    table::Table,
};
use crate::{
    encode::Encoded,
    error::{Error, ErrorKind},
    frame::{self, Tail},
    header::{self, HeaderTable},
    limits::Limits,
    scan::Extent,
    trace::Trace,
};

/// A rule of the protocol that the peer broke; the connection ends without a word (`protocol.md` 2.2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) String);

/// Which channel, and who opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) id: u64,
    pub(crate) own: bool,
}

/// A channel to be opened.
pub(crate) struct Open<'a> {
    pub(crate) method: u64,
    pub(crate) args: &'a Encoded,
    pub(crate) tail: Tail<'a>,
    pub(crate) reads: Reads,
    /// Ticks from now after which the channel fails; `u64::MAX` for never.
    pub(crate) ticks: u64,
    /// Who waits for the reply.
    pub(crate) reader: Option<Waker>,
}

/// An invocation that a server has received and not begun.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) id: u64,
    /// Place of the method in the server's table.
    pub(crate) method: usize,
    pub(crate) message: Message,
    pub(crate) trace: Option<Trace>,
    /// A stream or a session: it lasts as long as its channel, and does not count among the invocations.
    pub(crate) lasting: bool,
}

#[derive(Debug)]
pub(crate) struct Mux {
    limits: Limits,
    /// What this side serves; a client serves nothing and drops what it does not know.
    roots: Option<Arc<Roots>>,
    /// The highest id that this side has opened.
    opened: u64,
    /// The highest id that the peer has opened.
    accepted: u64,
    own: Table,
    peers: HashMap<u64, Slot>,
    headers: HeaderTable,
    output: Encoded,
    fresh: VecDeque<Fresh>,
    /// Invocations that have begun and not ended, and those of them that last as long as their channels.
    running: usize,
    lasting: usize,
    tick: u64,
    /// The highest id that this side had opened when ticks were last counted.
    swept: u64,
    timed: usize,
    closed: Option<Error>,
    /// Nothing more is taken in; what runs may finish.
    draining: bool,
    /// Output was taken and is not yet written.
    writing: bool,
    /// Who waits until everything is written.
    flushers: Vec<Waker>,
    /// Who waits for room in the output.
    blocked: Vec<Waker>,
    due: Vec<Waker>,
}

impl Mux {
    pub(crate) fn new(limits: Limits, roots: Option<Arc<Roots>>) -> Self {
        Self {
            limits,
            roots,
            opened: 0,
            accepted: 0,
            own: Table::new(),
            peers: HashMap::new(),
            headers: HeaderTable::default(),
            output: Encoded::default(),
            fresh: VecDeque::new(),
            running: 0,
            lasting: 0,
            tick: 0,
            swept: 0,
            timed: 0,
            closed: None,
            draining: false,
            writing: false,
            flushers: Vec::new(),
            blocked: Vec::new(),
            due: Vec::new(),
        }
    }

    // What this side sends.

    /// Takes the next id and queues the first frame of a channel with it.
    #[inline]
    pub(crate) fn open(&mut self, open: Open<'_>) -> Result<Key, Error> {
        self.check_open()?;
        let id =
            self.own.vacancy(self.opened).ok_or_else(|| Error::disconnected("channel ids are used up"))?;
        self.opened = id;
        frame::write(&mut self.output, id, open.method, open.args, open.tail);
        if !open.reads.ended() {
            let expires = self.tick.saturating_add(open.ticks);
            self.timed += usize::from(expires != u64::MAX);
            let slot = self.own.open(id, open.reads);
            slot.expires = expires;
            slot.reader = open.reader;
        }
        Ok(Key { id, own: true })
    }

    /// Queues a further frame of a channel.
    #[inline]
    pub(crate) fn send(&mut self, id: u64, kind: u64, args: &Encoded, tail: Tail<'_>) -> Result<(), Error> {
        self.check_open()?;
        frame::write(&mut self.output, id, kind, args, tail);
        Ok(())
    }

    /// Queues the last frame of a half that was dropped unfinished. While the invocation runs it is held back: if that
    /// fails, the connection is closed without it.
    pub(crate) fn part(&mut self, id: u64, kind: u64, args: &Encoded, tail: Tail<'_>) -> Result<(), Error> {
        match self.peers.get_mut(&id).filter(|slot| slot.invoked) {
            None => self.send(id, kind, args, tail),
            Some(slot) => {
                frame::write(slot.parting.get_or_insert_default(), id, kind, args, tail);
                Ok(())
            }
        }
    }

    /// Returns whether senders may go on, or keeps `waker` until they may.
    #[inline]
    pub(crate) fn poll_room(&mut self, waker: &Waker) -> Poll<()> {
        if self.has_room() || self.closed.is_some() {
            return Poll::Ready(());
        }
        keep(&mut self.blocked, waker);
        Poll::Pending
    }

    /// Exchanges the output for an empty buffer and lets senders go on.
    #[inline]
    pub(crate) fn take_output(&mut self, empty: &mut Encoded) {
        std::mem::swap(&mut self.output, empty);
        self.writing = true;
        self.due.append(&mut self.blocked);
    }

    /// Notes that the output which was taken is written.
    pub(crate) fn written(&mut self) {
        self.writing = false;
        if self.output.len() == 0 {
            self.due.append(&mut self.flushers);
        }
    }

    /// Returns once everything that was queued is with the socket.
    pub(crate) fn poll_flushed(&mut self, waker: &Waker) -> Poll<Result<(), Error>> {
        if let Some(error) = &self.closed {
            return Poll::Ready(Err(error.clone()));
        }
        if self.output.len() == 0 && !self.writing {
            return Poll::Ready(Ok(()));
        }
        keep(&mut self.flushers, waker);
        Poll::Pending
    }

    #[inline]
    pub(crate) fn output_len(&self) -> usize {
        self.output.len()
    }

    fn has_room(&self) -> bool {
        self.output.len() < self.limits.outgoing
    }

    #[inline]
    fn check_open(&self) -> Result<(), Error> {
        self.closed.clone().map_or(Ok(()), Err)
    }

    // What the peer sends.

    /// Takes in one frame of `batch`, whose bytes lie at `start`.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        batch: &bytes::Bytes,
        start: usize,
        extent: &Extent,
    ) -> Result<(), Violation> {
        let headers = match &extent.headers {
            None => header::Headers::default(),
            Some(range) => self
                .headers
                .read(&batch[start + range.start..start + range.end])
                .map_err(|error| Violation(format!("unreadable headers: {error}")))?,
        };
        let args = batch.slice(start + extent.args.start..start + extent.args.end);
        let message = Message { kind: extent.kind, args, headers };
        if let Some(slot) = self.own.get(extent.channel) {
            Self::arrive(slot, message, self.limits.unread, &mut self.due);
            return Ok(());
        }
        let Some(roots) = self.roots.clone() else { return Ok(()) };
        match self.peers.get_mut(&extent.channel) {
            Some(slot) if !slot.reads.ended() => {
                let kind = message.kind;
                if slot.deliver(message, self.limits.unread) == Delivery::Refused {
                    return Err(Violation(format!("message {kind} is not allowed on channel {}", slot.id)));
                }
                self.due.extend(slot.reader.take());
                self.retire(Key { id: extent.channel, own: false });
                Ok(())
            }
            _ if extent.channel > self.accepted => self.accept(extent.channel, message, &roots),
            _ => Err(Violation(format!("channel {} is not above every earlier one", extent.channel))),
        }
    }

    #[inline]
    fn arrive(slot: &mut Slot, message: Message, limit: usize, due: &mut Vec<Waker>) {
        let kind = message.kind;
        if slot.reads.ended() {
            return;
        }
        if slot.deliver(message, limit) == Delivery::Refused {
            let text = format!("message {kind} is not allowed on channel {}", slot.id);
            slot.fail(Error::protocol(text));
        }
        due.extend(slot.reader.take());
    }

    fn accept(&mut self, id: u64, message: Message, roots: &Roots) -> Result<(), Violation> {
        self.accepted = id;
        let trace = message.headers.trace().map_err(|text| Violation(text.to_owned()))?;
        match roots.opening(message.kind) {
            Opening::Method { place, reads, kept } => {
                if kept {
                    self.keep(id, reads)?;
                }
                self.fresh.push_back(Fresh { id, method: place, message, trace, lasting: kept });
                Ok(())
            }
            Opening::Ping => {
                self.acknowledge(id, trace);
                Ok(())
            }
            Opening::Revoke => {
                let (target, error) = roots::revoked(&message.args).map_err(Violation)?;
                self.revoke(target, error);
                self.acknowledge(id, trace);
                Ok(())
            }
            Opening::Unknown => Err(Violation(format!("no method has the id {}", message.kind))),
        }
    }

    fn keep(&mut self, id: u64, reads: Reads) -> Result<(), Violation> {
        if self.peers.len() >= self.limits.channels {
            return Err(Violation(format!("more than {} channels are open", self.limits.channels)));
        }
        let mut slot = Slot::new(id, reads);
        slot.invoked = true;
        self.peers.insert(id, slot);
        Ok(())
    }

    fn acknowledge(&mut self, id: u64, trace: Option<Trace>) {
        let mut headers = Vec::new();
        let tail = Tail::Headers(header::reply(&mut headers, trace, &[]));
        let none = Encoded { buf: vec![0x90], segments: Vec::new() };
        frame::write(&mut self.output, id, 0, &none, tail);
    }

    /// Ends a channel of the peer: its reader gets the error, its sender learns that it is gone.
    fn revoke(&mut self, target: u64, error: Error) {
        let Some(slot) = self.peers.get_mut(&target).filter(|slot| !slot.reads.ended()) else { return };
        slot.end(error, &mut self.due);
        slot.reads = Reads::Ended;
        self.retire(Key { id: target, own: false });
    }

    /// Takes the oldest invocation that may begin now.
    #[inline]
    pub(crate) fn begin(&mut self) -> Option<Fresh> {
        if !self.can_begin() {
            return None;
        }
        let fresh = self.fresh.pop_front()?;
        self.running += 1;
        self.lasting += usize::from(fresh.lasting);
        Some(fresh)
    }

    /// Puts invocations that were taken and not begun back to the front.
    pub(crate) fn put_back(&mut self, waiting: impl DoubleEndedIterator<Item = Fresh>) {
        for fresh in waiting.rev() {
            self.end(fresh.lasting);
            self.fresh.push_front(fresh);
        }
    }

    /// Lets go of the channel of an invocation that has ended, with the last frame that its sender owes.
    pub(crate) fn leave(&mut self, id: u64) {
        if let Some(slot) = self.peers.get_mut(&id) {
            slot.invoked = false;
            if let Some(parting) = slot.parting.take()
                && self.closed.is_none()
            {
                self.output.append(&parting);
            }
        }
        self.release(Key { id, own: false });
    }

    /// Ends an invocation.
    pub(crate) fn end(&mut self, lasting: bool) {
        self.running -= 1;
        self.lasting -= usize::from(lasting);
    }

    /// Returns whether a server should read on: nothing waits to begin, and the client reads its answers.
    #[inline]
    pub(crate) fn wants_input(&self) -> bool {
        self.closed.is_none()
            && self.fresh.is_empty()
            && !self.draining
            && (self.roots.is_none() || self.has_room())
    }

    /// Returns whether an invocation waits and may begin: few enough run, and their answers are taken.
    #[inline]
    pub(crate) fn can_begin(&self) -> bool {
        let counted = self.running - self.lasting;
        self.fresh.front().is_some_and(|fresh| fresh.lasting || counted < self.limits.invocations)
            && self.has_room()
    }

    /// Returns how many calls and invocations are under way.
    #[inline]
    pub(crate) fn live(&self) -> usize {
        self.own.live() + self.running
    }

    // What the holders of channels do.

    #[inline]
    fn slot(&mut self, key: Key) -> Option<&mut Slot> {
        if key.own { self.own.get(key.id) } else { self.peers.get_mut(&key.id) }
    }

    /// Takes the next message of a channel: `None` when it has ended.
    #[inline]
    pub(crate) fn poll_message(&mut self, key: Key, waker: &Waker) -> Poll<Option<Result<Message, Error>>> {
        let Some(slot) = self.slot(key) else { return Poll::Ready(None) };
        if let Some(message) = slot.take() {
            return Poll::Ready(Some(Ok(message)));
        }
        if let Some(error) = slot.failure.take() {
            slot.reads = Reads::Ended;
            return Poll::Ready(Some(Err(error)));
        }
        if slot.reads.ended() {
            return Poll::Ready(None);
        }
        if !slot.reader.as_ref().is_some_and(|known| known.will_wake(waker)) {
            slot.reader = Some(waker.clone());
        }
        Poll::Pending
    }

    /// Takes the only message of a call and forgets the call with it.
    #[inline]
    pub(crate) fn poll_reply(&mut self, key: Key, waker: &Waker) -> Poll<Result<Message, Error>> {
        let reply = match self.poll_message(key, waker) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(reply)) => reply,
            Poll::Ready(None) => Err(Error::disconnected("the channel is gone")),
        };
        self.forget(key);
        Poll::Ready(reply)
    }

    /// Returns once the channel is revoked or the connection is gone.
    pub(crate) fn poll_gone(&mut self, key: Key, waker: &Waker) -> Poll<()> {
        match self.slot(key) {
            Some(slot) if !slot.gone => slot.sender = Some(waker.clone()),
            _ => return Poll::Ready(()),
        }
        Poll::Pending
    }

    /// Notes that a channel has one more handle.
    pub(crate) fn share(&mut self, key: Key) {
        if let Some(slot) = self.slot(key) {
            slot.handles += 1;
        }
    }

    /// Discards what a channel has received and what will still arrive.
    pub(crate) fn discard(&mut self, key: Key) {
        if key.own {
            return self.forget(key);
        }
        if let Some(slot) = self.slot(key) {
            slot.discard();
        }
        self.release(key);
    }

    /// Gives one handle of a channel back; with the last one goes what it has received.
    #[inline]
    pub(crate) fn release(&mut self, key: Key) {
        if let Some(slot) = self.slot(key) {
            slot.handles = slot.handles.saturating_sub(1);
            if slot.handles == 0 {
                slot.discard();
            }
        }
        self.retire(key);
    }

    /// Frees a channel of the peer that nobody holds and on which nothing more may arrive.
    #[inline]
    fn retire(&mut self, key: Key) {
        if self.peers.get(&key.id).is_some_and(|slot| slot.handles == 0 && slot.reads.ended()) && !key.own {
            self.peers.remove(&key.id);
        }
    }

    /// Frees a channel of this side: what still arrives on it is dropped.
    #[inline]
    pub(crate) fn forget(&mut self, key: Key) {
        if let Some(timed) = self.own.close(key.id) {
            self.timed -= usize::from(timed);
        }
    }

    // Time and end.

    /// Returns whether some channel has a deadline.
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        self.timed > 0
    }

    /// Counts ticks, and fails the channels whose deadline has passed. A channel that was opened since the last sweep
    /// may be younger than that: for it, one tick has passed.
    pub(crate) fn sweep(&mut self, ticks: u64) {
        self.tick = self.tick.saturating_add(ticks);
        let (young, swept) = (ticks.saturating_sub(1), std::mem::replace(&mut self.swept, self.opened));
        for slot in self.own.iter_mut() {
            if slot.id > swept {
                slot.expires = slot.expires.saturating_add(young);
            }
            if slot.expires <= self.tick {
                slot.fail(Error::new(ErrorKind::Deadline(std::time::Duration::ZERO)));
                self.due.extend(slot.reader.take());
            }
        }
    }

    /// Ends the connection: every channel fails with `error`, and so does every later call.
    pub(crate) fn close(&mut self, error: &Error) {
        if self.closed.is_some() {
            return;
        }
        self.closed = Some(error.clone());
        for slot in self.own.iter_mut().chain(self.peers.values_mut()) {
            slot.end(error.clone(), &mut self.due);
        }
        self.due.append(&mut self.blocked);
        self.due.append(&mut self.flushers);
    }

    /// Takes nothing more in and ends the channels that could last for ever; calls that run may finish.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        let error = Error::disconnected("the server shuts down");
        for slot in self.peers.values_mut() {
            slot.end(error.clone(), &mut self.due);
        }
    }

    /// Returns whether a connection that drains has nothing left to do.
    #[inline]
    pub(crate) fn is_drained(&self) -> bool {
        self.draining && self.running == 0 && self.fresh.is_empty()
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(crate) fn closed(&self) -> Option<&Error> {
        self.closed.as_ref()
    }

    /// Takes the wakers that became due.
    #[inline]
    pub(crate) fn due(&mut self) -> &mut Vec<Waker> {
        &mut self.due
    }
}

/// Adds a waker, unless it is there already: a task may ask again before it is woken.
fn keep(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|known| known.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

#[cfg(test)]
mod tests;
