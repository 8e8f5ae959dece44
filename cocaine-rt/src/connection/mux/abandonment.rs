//! Unary calls whose callers leave before they are answered: they are cancelled (`protocol.md` 2.3).

use std::task::{Poll, Waker};

use super::{ChannelKey, Mux};

/// A unary call that runs in a task of its own.
#[derive(Debug, Default)]
pub(super) struct DetachedCall {
    /// The caller has closed or revoked the channel.
    is_abandoned: bool,
    /// The task of the call.
    task: Option<Waker>,
}

impl Mux {
    /// Notes that a unary call goes on in a task of its own, which polls [`Mux::poll_abandoned`].
    pub(crate) fn detach_call(&mut self, id: u64) {
        self.detached.insert(id, DetachedCall::default());
    }

    /// Returns once the caller of a detached call has left: it has closed or revoked the channel, or the connection has
    /// ended. A call that was answered is not abandoned.
    pub(crate) fn poll_abandoned(&mut self, id: u64, waker: &Waker) -> Poll<()> {
        let Some(call) = self.detached.get_mut(&id) else { return Poll::Pending };
        if call.is_abandoned || self.closed.is_some() {
            return Poll::Ready(());
        }
        if !call.task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            call.task = Some(waker.clone());
        }
        Poll::Pending
    }

    /// Cancels a unary call whose channel the caller has closed or revoked, unless it is answered or runs to its end.
    pub(super) fn abandon_call(&mut self, id: u64) {
        if let Some(call) = self.detached.get_mut(&id) {
            call.is_abandoned = true;
            self.wakers.extend(call.task.take());
        } else if let Ok(index) = self.pending.binary_search_by_key(&id, |pending| pending.id)
            && self.pending[index].is_cancellable
        {
            if let Some(pending) = self.pending.remove(index) {
                self.memory.pending_bytes -= pending.cost.bytes;
            }
            self.release(ChannelKey { id, own: false });
            self.wake_if_finished();
        }
    }

    /// Wakes the tasks of the detached calls, since the connection has ended.
    pub(super) fn wake_detached_calls(&mut self) {
        self.wakers.extend(self.detached.values_mut().filter_map(|call| call.task.take()));
    }

    /// Returns whether the caller of a running call no longer waits for the answer.
    pub(crate) fn is_abandoned(&self, id: u64) -> bool {
        self.detached.get(&id).is_some_and(|call| call.is_abandoned)
    }

    /// Removes a call that has ended.
    #[inline]
    pub(crate) fn remove_detached(&mut self, id: u64) {
        if !self.detached.is_empty() {
            self.detached.remove(&id);
        }
    }
}
