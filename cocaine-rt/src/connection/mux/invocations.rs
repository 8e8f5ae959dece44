//! The invocations of a server: which may begin, and what follows when one ends.

use std::{
    mem,
    task::{Poll, Waker},
};

use super::{ChannelKey, InvocationCost, Mux, PendingInvocation, Role, add_waker, channel::HandlerState};
use crate::wire::encode::Encoded;

impl Mux {
    /// Removes and returns the oldest invocation that may begin now.
    #[inline]
    pub(crate) fn begin(&mut self) -> Option<PendingInvocation> {
        if !self.can_begin() {
            return None;
        }
        let pending = self.pending.pop_front()?;
        self.running += 1;
        self.running_long_lived += usize::from(pending.cost.is_long_lived);
        self.args_bytes += pending.cost.bytes;
        self.memory.pending_bytes -= pending.cost.bytes;
        Some(pending)
    }

    /// Puts invocations that were removed, and have not begun, back to the front of the queue.
    pub(crate) fn requeue(&mut self, waiting: impl DoubleEndedIterator<Item = PendingInvocation>) {
        for pending in waiting.rev() {
            self.uncount(pending.cost);
            self.memory.pending_bytes += pending.cost.bytes;
            self.pending.push_front(pending);
        }
    }

    /// Ends an invocation: queues the last frames that its sender owes, or `last` in place of them, and releases its
    /// handle.
    pub(crate) fn finish_invocation(&mut self, id: u64, cost: InvocationCost, last: Option<&Encoded>) {
        if let Some(channel) = self.peers.get_mut(&id)
            && let HandlerState::SenderFinished(owed) = mem::replace(&mut channel.handler, HandlerState::Idle)
            && self.closed.is_none()
        {
            self.output.append(last.unwrap_or(&owed));
        }
        self.remove_detached(id);
        self.release(ChannelKey { id, own: false });
        self.release_reply(id);
        self.uncount(cost);
    }

    /// Counts what the arguments of a running invocation take once they are decoded. Returns false, and counts nothing, if
    /// that is more than a connection may use.
    pub(crate) fn charge_args(&mut self, bytes: usize) -> bool {
        let fits = self.args_bytes + bytes <= self.limits.max_in_use_bytes;
        self.args_bytes += if fits { bytes } else { 0 };
        fits
    }

    /// Subtracts what [`Mux::charge_args`] has counted.
    pub(crate) fn release_args(&mut self, bytes: usize) {
        self.args_bytes -= bytes;
    }

    /// Subtracts an invocation from those that run.
    pub(super) fn uncount(&mut self, cost: InvocationCost) {
        self.running -= 1;
        self.running_long_lived -= usize::from(cost.is_long_lived);
        self.args_bytes -= cost.bytes;
        self.wake_if_finished();
    }

    /// Returns once the peer's requests are done: no handler runs, and no handle of a channel is left.
    pub(crate) fn poll_finished(&mut self, waker: &Waker) -> Poll<()> {
        if self.closed.is_some() || self.is_finished() {
            return Poll::Ready(());
        }
        add_waker(&mut self.finish_watchers, waker);
        Poll::Pending
    }

    pub(super) fn wake_if_finished(&mut self) {
        if !self.finish_watchers.is_empty() && self.is_finished() {
            self.wakers.append(&mut self.finish_watchers);
        }
    }

    fn is_finished(&self) -> bool {
        self.running == 0
            && self.pending.is_empty()
            && self.peers.values().all(|channel| channel.handles == 0)
    }

    /// Returns whether the socket should be read: no channel is congested, and a server has nothing that waits to begin, and
    /// a client that reads its answers. The other roles read on in that case, since heartbeats share their socket.
    #[inline]
    pub(crate) fn wants_input(&mut self) -> bool {
        let is_ready = self.pending.is_empty() && !self.draining && self.can_queue();
        self.closed.is_none()
            && (is_ready || !matches!(self.role, Role::Server(_)))
            && !self.is_input_blocked()
    }

    /// Returns whether an invocation waits and may begin: those that run are within the limits, and the peer reads its
    /// answers.
    #[inline]
    pub(crate) fn can_begin(&self) -> bool {
        self.pending
            .front()
            .is_some_and(|pending| pending.cost.is_long_lived || self.is_affordable(pending.cost.bytes))
            && self.reads_answers()
    }

    /// Returns whether the peer reads its answers, as far as that can be seen. Heartbeats share the output of a host, and
    /// do not wait for memory.
    fn reads_answers(&self) -> bool {
        match self.role {
            Role::Server(_) => self.can_queue() && !self.is_output_large(),
            _ => self.has_room(),
        }
    }

    /// Returns whether one more call may run: always, if no other does.
    fn is_affordable(&self, bytes: usize) -> bool {
        let calls = self.running - self.running_long_lived;
        calls == 0
            || (calls < self.limits.max_invocations
                && self.args_bytes + bytes <= self.limits.max_in_use_bytes)
    }

    /// Returns how many calls and invocations are under way.
    #[inline]
    pub(crate) fn in_flight(&self) -> usize {
        self.own.len() + self.running
    }
}
