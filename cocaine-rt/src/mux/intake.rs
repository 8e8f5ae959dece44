//! What the peer sends: messages of open channels, and invocations of a server.

use std::task::Waker;

use super::{
    Fresh, Key, Load, Mux, Violation,
    roots::{self, Opening, Roots},
    slot::{Delivery, Message, Reads, Slot},
};
use crate::{
    encode::Encoded,
    error::Error,
    frame::{self, Tail},
    header,
    scan::Extent,
    trace::Trace,
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
                self.arrived += message.weight();
                if slot.deliver(message, self.limits.unread) == Delivery::Refused {
                    return Err(Violation(format!("message {kind} is not allowed on channel {}", slot.id)));
                }
                self.due.extend(slot.reader.take());
                self.retire(Key { id: extent.channel, own: false });
                self.check_unread()
            }
            _ if extent.channel > self.accepted => self.accept(extent.channel, message, &roots),
            _ => Err(Violation(format!("channel {} is not above every earlier one", extent.channel))),
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
        Err(Violation(format!("more than {} bytes are kept for one connection", self.limits.held)))
    }

    #[inline]
    pub(super) fn arrive(slot: &mut Slot, message: Message, limit: usize, due: &mut Vec<Waker>) {
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

    pub(super) fn accept(&mut self, id: u64, message: Message, roots: &Roots) -> Result<(), Violation> {
        self.accepted = id;
        let trace = message.headers.trace().map_err(|text| Violation(text.to_owned()))?;
        match roots.opening(message.kind) {
            Opening::Method { place, reads, kept } => {
                let load = Load { lasting: kept, bytes: message.weight() };
                if kept {
                    self.check_held(self.held + load.bytes)?;
                    self.keep(id, reads)?;
                }
                self.fresh.push_back(Fresh { id, method: place, message, trace, load });
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

    pub(super) fn keep(&mut self, id: u64, reads: Reads) -> Result<(), Violation> {
        if self.peers.len() >= self.limits.channels {
            return Err(Violation(format!("more than {} channels are open", self.limits.channels)));
        }
        let mut slot = Slot::new(id, reads);
        slot.invoked = true;
        self.peers.insert(id, slot);
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, id: u64, trace: Option<Trace>) {
        let mut headers = Vec::new();
        let tail = Tail::Headers(header::reply(&mut headers, trace, &[]));
        let none = Encoded { buf: vec![0x90], segments: Vec::new() };
        frame::write(&mut self.output, id, 0, &none, tail);
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

    /// Ends an invocation.
    pub(crate) fn end(&mut self, load: Load) {
        self.running -= 1;
        self.lasting -= usize::from(load.lasting);
        self.held -= load.bytes;
    }

    /// Returns whether a server should read on: nothing waits to begin, and the client reads its answers.
    #[inline]
    pub(crate) fn wants_input(&self) -> bool {
        self.closed.is_none()
            && self.fresh.is_empty()
            && !self.draining
            && (self.roots.is_none() || self.has_room())
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
