//! The handles of open channels: they poll for messages, and are released.

use std::task::{Poll, Waker};

use super::{ChannelKey, Mux, add_waker, channel::Channel, message::Message, recv_state::RecvState};
use crate::protocol::{credit, error::Error};

impl Mux {
    #[inline]
    pub(super) fn channel(&mut self, key: ChannelKey) -> Option<&mut Channel> {
        if key.own { self.own.get(key.id) } else { self.peers.get_mut(&key.id) }
    }

    /// Returns the next message of a channel, or `None` when it has ended.
    #[inline]
    pub(crate) fn poll_message(
        &mut self,
        key: ChannelKey,
        waker: &Waker,
    ) -> Poll<Option<Result<Message, Error>>> {
        let Some(channel) = self.channel(key) else { return Poll::Ready(None) };
        if let Some(message) = channel.pop_message() {
            self.note_read(key, &message);
            return Poll::Ready(Some(Ok(message)));
        }
        if let Some(error) = channel.take_error() {
            // The peer may go on sending, and what it sends is dropped.
            if key.own && channel.credit.is_off() {
                channel.recv_state = RecvState::Ended;
            } else {
                self.discard(key);
            }
            return Poll::Ready(Some(Err(error)));
        }
        if channel.recv_state.is_ended() {
            return Poll::Ready(None);
        }
        if !channel.reader.as_ref().is_some_and(|known| known.will_wake(waker)) {
            channel.reader = Some(waker.clone());
        }
        Poll::Pending
    }

    /// Calls `read` with the unread messages of a channel until they have used up `budget`, each what `read` returns;
    /// with at least one, and with none if the channel has ended.
    pub(crate) fn poll_each(
        &mut self,
        key: ChannelKey,
        waker: &Waker,
        mut budget: u64,
        mut read: impl FnMut(&Message) -> u64,
    ) -> Poll<Result<(), Error>> {
        match self.poll_message(key, waker) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Ok(())),
            Poll::Ready(Some(message)) => budget = budget.saturating_sub(read(&message?)),
        }
        while budget > 0
            && let Some(message) = self.channel(key).and_then(Channel::pop_message)
        {
            self.note_read(key, &message);
            budget = budget.saturating_sub(read(&message));
        }
        Poll::Ready(Ok(()))
    }

    /// Counts a message that was read, and grants the peer credit when enough is.
    #[inline]
    fn note_read(&mut self, key: ChannelKey, message: &Message) {
        self.note_removed(message.weight());
        let window = self.window();
        if let Some(channel) = self.channel(key)
            && let Some(bytes) = channel.credit.consume(credit::cost(message.args.len()), window)
            && !channel.recv_state.is_ended()
            && self.closed.is_none()
        {
            self.write_credit(key.id, bytes);
        }
    }

    /// Drops what is unread on a channel, and what still arrives.
    fn discard(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channel(key) {
            let unread = channel.unread_bytes();
            channel.discard();
            self.note_removed(unread);
            self.lift_credit(key);
        }
    }

    /// Returns once the channel has failed and dropped what was unread: the reader was too slow.
    pub(crate) fn poll_failed(&mut self, key: ChannelKey, waker: &Waker) -> Poll<()> {
        let Some(channel) = self.channel(key) else { return Poll::Ready(()) };
        if channel.has_failed_unread() {
            return Poll::Ready(());
        }
        if !channel.reader.as_ref().is_some_and(|known| known.will_wake(waker)) {
            channel.reader = Some(waker.clone());
        }
        Poll::Pending
    }

    /// Returns the only message of a call, and releases the call.
    #[inline]
    pub(crate) fn poll_reply(&mut self, key: ChannelKey, waker: &Waker) -> Poll<Result<Message, Error>> {
        let reply = match self.poll_message(key, waker) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(reply)) => reply,
            Poll::Ready(None) => Err(Error::disconnected("the channel is gone")),
        };
        self.release_own(key.id);
        Poll::Ready(reply)
    }

    /// Returns once the channel is reset, by the peer or by the end of the connection.
    pub(crate) fn poll_reset(&mut self, key: ChannelKey, waker: &Waker) -> Poll<()> {
        match self.channel(key) {
            Some(channel) if !channel.is_reset() => add_waker(&mut channel.reset_watchers, waker),
            _ => return Poll::Ready(()),
        }
        Poll::Pending
    }

    /// Counts one more handle of a channel.
    pub(crate) fn add_handle(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channel(key) {
            channel.handles += 1;
        }
    }

    /// Ends what the peer may send on its channel.
    pub(crate) fn finish_receiving(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channel(key) {
            channel.recv_state = RecvState::Ended;
        }
    }

    /// Releases the handle that reads. A channel of this side is freed, and what still arrives on it is dropped; a channel
    /// of the peer discards what it has received and what still arrives.
    #[inline]
    pub(crate) fn release_receiver(&mut self, key: ChannelKey) {
        if key.own && self.channel(key).is_none_or(|channel| channel.credit.is_off()) {
            return self.release_own(key.id);
        }
        self.discard(key);
        self.release(key);
    }

    /// Releases one handle of a channel. Without handles, a channel discards what it has received.
    #[inline]
    pub(crate) fn release(&mut self, key: ChannelKey) {
        let Some(channel) = self.channel(key) else { return };
        channel.handles = channel.handles.saturating_sub(1);
        let is_unused = channel.handles == 0;
        let is_counted = !channel.credit.is_off();
        if is_unused {
            self.discard(key);
        }
        if !key.own {
            self.free_if_unused(key.id);
        } else if is_unused && is_counted {
            self.release_own(key.id);
        }
        self.wake_if_finished();
    }

    /// Frees a channel of the peer without handles, on which nothing more may arrive.
    #[inline]
    pub(super) fn free_if_unused(&mut self, id: u64) {
        if self.peers.get(&id).is_some_and(|channel| channel.handles == 0 && channel.recv_state.is_ended()) {
            self.peers.remove(&id);
        }
    }

    /// Frees a channel of this side.
    #[inline]
    fn release_own(&mut self, id: u64) {
        let Some(channel) = self.own.get(id) else { return };
        let (unread, is_urgent) = (channel.unread_bytes(), channel.is_urgent);
        let has_deadline = self.own.remove(id).unwrap_or_default();
        self.deadlines -= usize::from(has_deadline);
        self.urgent_channels -= usize::from(is_urgent);
        self.note_removed(unread);
    }
}
