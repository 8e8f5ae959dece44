//! What the peer sends: messages of open channels, and invocations of a server.

use std::task::{Poll, Waker};

use super::{
    ChannelKey, InvocationCost, Mux, PendingInvocation, Role, Violation, keep,
    roots::{self, FirstMessage},
    slot::{Delivery, Message, RecvState, Slot, unpinned},
};
use crate::{
    protocol::{code::Code, error::Error, graph::ERROR, trace::Trace},
    wire::{
        encode::Encoded,
        frame::{self, FrameHeaders},
        headers::Headers,
        hpack,
        scan::FrameBounds,
    },
};

impl Mux {
    /// Takes in one frame of `batch`, whose bytes lie at `start`.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        batch: &bytes::Bytes,
        start: usize,
        bounds: &FrameBounds,
    ) -> Result<(), Violation> {
        let headers = match &bounds.headers {
            None => Headers::default(),
            Some(range) => self
                .headers
                .read(&batch[start + range.start..start + range.end])
                .map_err(|error| Violation::new(Code::HPACK_ERROR, format!("unreadable headers: {error}")))?,
        };
        let args = batch.slice(start + bounds.args.start..start + bounds.args.end);
        let message = Message { kind: bounds.kind, args, headers };
        let Some(slot) = self.own.get(bounds.channel) else {
            return self.receive_peers(bounds.channel, message);
        };
        if slot.recv_state.ended() {
            return Ok(());
        }
        let refused = slot.deliver(message, self.limits.unread) == Delivery::Refused;
        if refused && !matches!(self.role, Role::Worker(_)) {
            slot.fail(Error::protocol(not_allowed(bounds.kind, slot.id)));
        }
        self.due.extend(slot.reader.take());
        Ok(())
    }

    /// Takes in a message of a channel that the peer has opened, or that a host has.
    fn receive_peers(&mut self, channel: u64, message: Message) -> Result<(), Violation> {
        match self.peers.get_mut(&channel) {
            Some(slot) if !slot.recv_state.ended() => {
                let kind = message.kind;
                self.arrived += message.weight();
                if slot.deliver(message, self.limits.unread) == Delivery::Refused {
                    return self.tolerate(Code::SLOT_NOT_FOUND, || not_allowed(kind, channel));
                }
                self.due.extend(slot.reader.take());
                if kind == ERROR && matches!(self.role, Role::Worker(_)) {
                    slot.gone = true;
                }
                if slot.gone {
                    self.due.append(&mut slot.watchers);
                }
                self.retire(ChannelKey { id: channel, own: false });
                self.check_unread()
            }
            _ if channel > self.accepted => self.accept(channel, message),
            _ => self.tolerate(Code::REVOKED_CHANNEL, || {
                format!("channel {channel} is not above every earlier one")
            }),
        }
    }

    /// Ends the connection for a broken rule, unless this side drops what it does not know.
    fn tolerate(&self, cause: Code, text: impl FnOnce() -> String) -> Result<(), Violation> {
        match self.role {
            Role::Client => Ok(()),
            Role::Worker(_) => {
                tracing::debug!(reason = text(), "a message of the node was dropped");
                Ok(())
            }
            Role::Server(_) | Role::Host(_) => Err(Violation::new(cause, text())),
        }
    }

    /// Adds up what is unread on all channels, now and then: each time a quarter of the limit has come.
    fn check_unread(&mut self) -> Result<(), Violation> {
        if self.arrived <= self.limits.held / 4 {
            return Ok(());
        }
        self.arrived = 0;
        self.check_held(self.peers.values().map(Slot::held).sum())
    }

    fn check_held(&self, bytes: usize) -> Result<(), Violation> {
        if bytes <= self.limits.held {
            return Ok(());
        }
        let text = format!("more than {} bytes are kept for one connection", self.limits.held);
        Err(Violation::new(Code::OUT_OF_MEMORY, text))
    }

    pub(super) fn accept(&mut self, id: u64, mut message: Message) -> Result<(), Violation> {
        let Some(roots) = self.role.roots() else { return Ok(()) };
        let opening = roots.opening(message.kind);
        self.accepted = id;
        let trace = match message.headers.trace() {
            Ok(trace) => trace,
            Err(_) if matches!(self.role, Role::Worker(_)) => None,
            Err(text) => return Err(Violation::new(Code::HPACK_ERROR, text)),
        };
        match opening {
            FirstMessage::Method { place, recv_state, kept, lasting } => {
                let cost = InvocationCost { lasting, bytes: message.weight() };
                if kept {
                    self.check_held(self.held + cost.bytes)?;
                    self.keep(id, recv_state)?;
                    // It may be held for as long as the channel is open.
                    message.args = unpinned(message.args);
                }
                self.pending.push_back(PendingInvocation { id, method: place, message, trace, cost });
                Ok(())
            }
            FirstMessage::Ping => self.acknowledge(id, trace),
            FirstMessage::Revoke => {
                let (target, error) = roots::revoked(&message.args)?;
                self.revoke(target, error);
                self.acknowledge(id, trace)
            }
            FirstMessage::Unknown => {
                let cause = if matches!(self.role, Role::Host(_)) {
                    Code::UNCAUGHT_ERROR
                } else {
                    Code::SLOT_NOT_FOUND
                };
                self.tolerate(cause, || format!("no method has the id {}", message.kind))
            }
        }
    }

    pub(super) fn keep(&mut self, id: u64, recv_state: RecvState) -> Result<(), Violation> {
        if self.peers.len() >= self.limits.channels {
            let text = format!("more than {} channels are open", self.limits.channels);
            return Err(Violation::new(Code::OUT_OF_MEMORY, text));
        }
        let mut slot = Slot::new(id, recv_state);
        slot.invoked = true;
        self.peers.insert(id, slot);
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, id: u64, trace: Option<Trace>) -> Result<(), Violation> {
        // A server reads no further by then; what shares a socket with heartbeats does.
        if !matches!(self.role, Role::Server(_)) && !self.has_room() {
            return Err(Violation::new(Code::OUT_OF_MEMORY, "the answers to control messages are not read"));
        }
        let mut headers = Vec::new();
        let tail = FrameHeaders::Encoded(hpack::write_reply(&mut headers, trace.map(Trace::ids), &[]));
        let none = Encoded { buf: vec![0x90], segments: Vec::new() };
        frame::write(&mut self.output, id, 0, &none, tail);
        Ok(())
    }

    /// Ends a channel of the peer: its reader gets the error, its sender learns that it is gone.
    pub(super) fn revoke(&mut self, target: u64, error: Error) {
        let Some(slot) = self.peers.get_mut(&target).filter(|slot| !slot.recv_state.ended()) else { return };
        slot.end(error, &mut self.due);
        slot.recv_state = RecvState::Ended;
        self.retire(ChannelKey { id: target, own: false });
    }

    /// Takes the oldest invocation that may begin now.
    #[inline]
    pub(crate) fn begin(&mut self) -> Option<PendingInvocation> {
        if !self.can_begin() {
            return None;
        }
        let pending = self.pending.pop_front()?;
        self.running += 1;
        self.lasting += usize::from(pending.cost.lasting);
        self.held += pending.cost.bytes;
        Some(pending)
    }

    /// Puts invocations that were taken and not begun back to the front.
    pub(crate) fn put_back(&mut self, waiting: impl DoubleEndedIterator<Item = PendingInvocation>) {
        for pending in waiting.rev() {
            self.end(pending.cost);
            self.pending.push_front(pending);
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
        self.release(ChannelKey { id, own: false });
    }

    /// Replaces the last frame that the channel of an invocation owes.
    pub(crate) fn settle(&mut self, id: u64, frame: &Encoded) {
        if let Some(parting) = self.peers.get_mut(&id).and_then(|slot| slot.parting.as_mut()) {
            parting.clear();
            parting.append(frame);
        }
    }

    /// Ends an invocation.
    pub(crate) fn end(&mut self, cost: InvocationCost) {
        self.running -= 1;
        self.lasting -= usize::from(cost.lasting);
        self.held -= cost.bytes;
        self.note_finished();
    }

    /// Returns once nothing that was taken in is under way: no handler runs, and no half of a channel is held.
    pub(crate) fn poll_finished(&mut self, waker: &Waker) -> Poll<()> {
        if self.closed.is_some() || self.is_finished() {
            return Poll::Ready(());
        }
        keep(&mut self.finishers, waker);
        Poll::Pending
    }

    pub(super) fn note_finished(&mut self) {
        if !self.finishers.is_empty() && self.is_finished() {
            self.due.append(&mut self.finishers);
        }
    }

    fn is_finished(&self) -> bool {
        self.running == 0 && self.pending.is_empty() && self.peers.values().all(|slot| slot.handles == 0)
    }

    /// Returns whether a server should read on: nothing waits to begin, and the client reads its answers.
    #[inline]
    pub(crate) fn wants_input(&self) -> bool {
        let ready = self.pending.is_empty() && !self.draining && self.has_room();
        // A worker's socket is always read, since its heartbeats share it.
        self.closed.is_none() && (ready || !matches!(self.role, Role::Server(_)))
    }

    /// Returns whether an invocation waits and may begin: few and small enough ones run, and their answers are taken.
    #[inline]
    pub(crate) fn can_begin(&self) -> bool {
        self.pending.front().is_some_and(|pending| pending.cost.lasting || self.affords(pending.cost.bytes))
            && self.has_room()
    }

    /// Returns whether one more call may run: always, if no other does.
    fn affords(&self, bytes: usize) -> bool {
        let calls = self.running - self.lasting;
        calls == 0 || (calls < self.limits.invocations && self.held + bytes <= self.limits.held)
    }

    /// Returns how many calls and invocations are under way.
    #[inline]
    pub(crate) fn live(&self) -> usize {
        self.own.live() + self.running
    }
}

fn not_allowed(kind: u64, channel: u64) -> String {
    format!("message {kind} is not allowed on channel {channel}")
}
