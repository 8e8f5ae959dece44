//! What the holders of channels do: wait for messages, and let go.

use std::task::{Poll, Waker};

use super::{
    ChannelKey, Mux, keep,
    slot::{Message, RecvState, Slot},
};
use crate::protocol::error::Error;

impl Mux {
    #[inline]
    pub(super) fn slot(&mut self, key: ChannelKey) -> Option<&mut Slot> {
        if key.own { self.own.get(key.id) } else { self.peers.get_mut(&key.id) }
    }

    /// Takes the next message of a channel: `None` when it has ended.
    #[inline]
    pub(crate) fn poll_message(
        &mut self,
        key: ChannelKey,
        waker: &Waker,
    ) -> Poll<Option<Result<Message, Error>>> {
        let Some(slot) = self.slot(key) else { return Poll::Ready(None) };
        if let Some(message) = slot.take() {
            return Poll::Ready(Some(Ok(message)));
        }
        if let Some(error) = slot.failure.take() {
            if key.own {
                slot.recv_state = RecvState::Ended;
            } else {
                // What the peer still sends is allowed, and dropped.
                slot.discard();
            }
            return Poll::Ready(Some(Err(error)));
        }
        if slot.recv_state.ended() {
            return Poll::Ready(None);
        }
        if !slot.reader.as_ref().is_some_and(|known| known.will_wake(waker)) {
            slot.reader = Some(waker.clone());
        }
        Poll::Pending
    }

    /// Hands all messages that have come on a channel to `take`: none when it has ended.
    pub(crate) fn poll_each(
        &mut self,
        key: ChannelKey,
        waker: &Waker,
        mut take: impl FnMut(&Message),
    ) -> Poll<Result<(), Error>> {
        match self.poll_message(key, waker) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Ok(())),
            Poll::Ready(Some(message)) => take(&message?),
        }
        if let Some(slot) = self.slot(key) {
            std::iter::from_fn(|| slot.take()).for_each(|message| take(&message));
        }
        Poll::Ready(Ok(()))
    }

    /// Ends what may be received on a channel of the peer.
    pub(crate) fn refuse(&mut self, key: ChannelKey) {
        if let Some(slot) = self.slot(key) {
            slot.recv_state = RecvState::Ended;
        }
    }

    /// Takes the only message of a call and forgets the call with it.
    #[inline]
    pub(crate) fn poll_reply(&mut self, key: ChannelKey, waker: &Waker) -> Poll<Result<Message, Error>> {
        let reply = match self.poll_message(key, waker) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(reply)) => reply,
            Poll::Ready(None) => Err(Error::disconnected("the channel is gone")),
        };
        self.forget(key);
        Poll::Ready(reply)
    }

    /// Returns once the channel is revoked or the connection is gone.
    pub(crate) fn poll_gone(&mut self, key: ChannelKey, waker: &Waker) -> Poll<()> {
        match self.slot(key) {
            Some(slot) if !slot.gone => keep(&mut slot.watchers, waker),
            _ => return Poll::Ready(()),
        }
        Poll::Pending
    }

    /// Notes that a channel has one more handle.
    pub(crate) fn share(&mut self, key: ChannelKey) {
        if let Some(slot) = self.slot(key) {
            slot.handles += 1;
        }
    }

    /// Discards what a channel has received and what will still arrive.
    pub(crate) fn discard(&mut self, key: ChannelKey) {
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
    pub(crate) fn release(&mut self, key: ChannelKey) {
        if let Some(slot) = self.slot(key) {
            slot.handles = slot.handles.saturating_sub(1);
            if slot.handles == 0 {
                slot.discard();
            }
        }
        self.retire(key);
        self.note_finished();
    }

    /// Frees a channel of the peer that nobody holds and on which nothing more may arrive.
    #[inline]
    pub(super) fn retire(&mut self, key: ChannelKey) {
        if self.peers.get(&key.id).is_some_and(|slot| slot.handles == 0 && slot.recv_state.ended())
            && !key.own
        {
            self.peers.remove(&key.id);
        }
    }

    /// Frees a channel of this side: what still arrives on it is dropped.
    #[inline]
    pub(crate) fn forget(&mut self, key: ChannelKey) {
        if let Some(timed) = self.own.close(key.id) {
            self.timed -= usize::from(timed);
        }
    }
}
