//! What the peer sends: messages of open channels, and invocations of a server.

use std::task::{Poll, Waker};

use super::{
    Fresh, Key, Load, Mux, Role, Violation, keep,
    roots::{self, Opening},
    slot::{Delivery, Message, Reads, Slot, unpinned},
};
use crate::{
    protocol::{
        error::{Cause, Error},
        graph::ERROR,
        trace::Trace,
    },
    wire::{
        encode::Encoded,
        frame::{self, Tail},
        headers,
        scan::Extent,
    },
};

impl Mux {
    /// Takes in one frame of `batch`, whose bytes lie at `start`.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        batch: &bytes::Bytes,
        start: usize,
        extent: &Extent,
    ) -> Result<(), Violation> {
        let headers = match &extent.headers {
            None => headers::Headers::default(),
            Some(range) => self
                .headers
                .read(&batch[start + range.start..start + range.end])
                .map_err(|error| Violation::new(Cause::HEADERS, format!("unreadable headers: {error}")))?,
        };
        let args = batch.slice(start + extent.args.start..start + extent.args.end);
        let message = Message { kind: extent.kind, args, headers };
        let Some(slot) = self.own.get(extent.channel) else {
            return self.receive_peers(extent.channel, message);
        };
        if slot.reads.ended() {
            return Ok(());
        }
        let refused = slot.deliver(message, self.limits.unread) == Delivery::Refused;
        if refused && !matches!(self.role, Role::Worker(_)) {
            slot.fail(Error::protocol(not_allowed(extent.kind, slot.id)));
        }
        self.due.extend(slot.reader.take());
        Ok(())
    }

    /// Takes in a message of a channel that the peer has opened, or that a host has.
    fn receive_peers(&mut self, channel: u64, message: Message) -> Result<(), Violation> {
        match self.peers.get_mut(&channel) {
            Some(slot) if !slot.reads.ended() => {
                let kind = message.kind;
                self.arrived += message.weight();
                if slot.deliver(message, self.limits.unread) == Delivery::Refused {
                    return self.tolerate(Cause::SLOT, || not_allowed(kind, channel));
                }
                self.due.extend(slot.reader.take());
                if kind == ERROR && matches!(self.role, Role::Worker(_)) {
                    slot.gone = true;
                }
                if slot.gone {
                    self.due.append(&mut slot.watchers);
                }
                self.retire(Key { id: channel, own: false });
                self.check_unread()
            }
            _ if channel > self.accepted => self.accept(channel, message),
            _ => {
                self.tolerate(Cause::REVOKED, || format!("channel {channel} is not above every earlier one"))
            }
        }
    }

    /// Ends the connection for a broken rule, unless this side drops what it does not know.
    fn tolerate(&self, cause: Cause, text: impl FnOnce() -> String) -> Result<(), Violation> {
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
        Err(Violation::new(Cause::MEMORY, text))
    }

    pub(super) fn accept(&mut self, id: u64, mut message: Message) -> Result<(), Violation> {
        let Some(roots) = self.role.roots() else { return Ok(()) };
        let opening = roots.opening(message.kind);
        self.accepted = id;
        let trace = match message.headers.trace() {
            Ok(trace) => trace,
            Err(_) if matches!(self.role, Role::Worker(_)) => None,
            Err(text) => return Err(Violation::new(Cause::HEADERS, text)),
        };
        match opening {
            Opening::Method { place, reads, kept, lasting } => {
                let load = Load { lasting, bytes: message.weight() };
                if kept {
                    self.check_held(self.held + load.bytes)?;
                    self.keep(id, reads)?;
                    // It may be held for as long as the channel is open.
                    message.args = unpinned(message.args);
                }
                self.fresh.push_back(Fresh { id, method: place, message, trace, load });
                Ok(())
            }
            Opening::Ping => self.acknowledge(id, trace),
            Opening::Revoke => {
                let (target, error) = roots::revoked(&message.args)?;
                self.revoke(target, error);
                self.acknowledge(id, trace)
            }
            Opening::Unknown => {
                let cause = if matches!(self.role, Role::Host(_)) { Cause::UNCAUGHT } else { Cause::SLOT };
                self.tolerate(cause, || format!("no method has the id {}", message.kind))
            }
        }
    }

    pub(super) fn keep(&mut self, id: u64, reads: Reads) -> Result<(), Violation> {
        if self.peers.len() >= self.limits.channels {
            let text = format!("more than {} channels are open", self.limits.channels);
            return Err(Violation::new(Cause::MEMORY, text));
        }
        let mut slot = Slot::new(id, reads);
        slot.invoked = true;
        self.peers.insert(id, slot);
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, id: u64, trace: Option<Trace>) -> Result<(), Violation> {
        // A server reads no further by then; what shares a socket with heartbeats does.
        if !matches!(self.role, Role::Server(_)) && !self.has_room() {
            return Err(Violation::new(Cause::MEMORY, "the answers to control messages are not read"));
        }
        let mut headers = Vec::new();
        let tail = Tail::Headers(headers::reply(&mut headers, trace, &[]));
        let none = Encoded { buf: vec![0x90], segments: Vec::new() };
        frame::write(&mut self.output, id, 0, &none, tail);
        Ok(())
    }

    /// Ends a channel of the peer: its reader gets the error, its sender learns that it is gone.
    pub(super) fn revoke(&mut self, target: u64, error: Error) {
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
        self.lasting += usize::from(fresh.load.lasting);
        self.held += fresh.load.bytes;
        Some(fresh)
    }

    /// Puts invocations that were taken and not begun back to the front.
    pub(crate) fn put_back(&mut self, waiting: impl DoubleEndedIterator<Item = Fresh>) {
        for fresh in waiting.rev() {
            self.end(fresh.load);
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

    /// Replaces the last frame that the channel of an invocation owes.
    pub(crate) fn settle(&mut self, id: u64, frame: &Encoded) {
        if let Some(parting) = self.peers.get_mut(&id).and_then(|slot| slot.parting.as_mut()) {
            parting.clear();
            parting.append(frame);
        }
    }

    /// Ends an invocation.
    pub(crate) fn end(&mut self, load: Load) {
        self.running -= 1;
        self.lasting -= usize::from(load.lasting);
        self.held -= load.bytes;
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
        self.running == 0 && self.fresh.is_empty() && self.peers.values().all(|slot| slot.handles == 0)
    }

    /// Returns whether a server should read on: nothing waits to begin, and the client reads its answers.
    #[inline]
    pub(crate) fn wants_input(&self) -> bool {
        let ready = self.fresh.is_empty() && !self.draining && self.has_room();
        // A worker's socket is always read, since its heartbeats share it.
        self.closed.is_none() && (ready || !matches!(self.role, Role::Server(_)))
    }

    /// Returns whether an invocation waits and may begin: few and small enough ones run, and their answers are taken.
    #[inline]
    pub(crate) fn can_begin(&self) -> bool {
        self.fresh.front().is_some_and(|fresh| fresh.load.lasting || self.affords(fresh.load.bytes))
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
