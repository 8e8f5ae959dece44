//! What this side sends: first frames, further ones, and when there is room for them.

use std::task::{Poll, Waker};

use super::{ChannelKey, Mux, NewChannel, Role, keep, slot::Slot};
use crate::{
    protocol::error::{Error, ErrorKind},
    wire::{
        encode::Encoded,
        frame::{self, FrameHeaders},
    },
};

impl Mux {
    /// Takes the next id and queues the first frame of a channel with it.
    #[inline]
    pub(crate) fn open(&mut self, open: NewChannel<'_>) -> Result<ChannelKey, Error> {
        self.check_open()?;
        if matches!(self.role, Role::Host(_)) {
            return self.open_shared(open);
        }
        let id = self.own.vacancy(self.opened).ok_or_else(exhausted)?;
        self.opened = id;
        frame::write(&mut self.output, id, open.method, open.args, open.tail);
        if !open.recv_state.ended() {
            let expires = self.tick.saturating_add(open.ticks);
            self.timed += usize::from(expires != u64::MAX);
            let slot = self.own.open(id, open.recv_state);
            slot.expires = expires;
            slot.reader = open.reader;
        }
        Ok(ChannelKey { id, own: true })
    }

    /// Opens a channel with an id above all that either side has used.
    fn open_shared(&mut self, open: NewChannel<'_>) -> Result<ChannelKey, Error> {
        let id = self.accepted.checked_add(1).ok_or_else(exhausted)?;
        self.accepted = id;
        frame::write(&mut self.output, id, open.method, open.args, open.tail);
        let mut slot = Slot::new(id, open.recv_state);
        // One for each half: the answer may come before they are made.
        slot.handles = 2;
        self.peers.insert(id, slot);
        Ok(ChannelKey { id, own: false })
    }

    /// Queues frames of open channels that are encoded already.
    pub(crate) fn send_encoded(&mut self, frames: &Encoded) -> Result<(), Error> {
        self.check_open()?;
        self.output.append(frames);
        Ok(())
    }

    /// Queues a further frame of a channel.
    #[inline]
    pub(crate) fn send(
        &mut self,
        id: u64,
        kind: u64,
        args: &Encoded,
        tail: FrameHeaders<'_>,
    ) -> Result<(), Error> {
        self.check_open()?;
        frame::write(&mut self.output, id, kind, args, tail);
        Ok(())
    }

    /// Lets go of a call with the message that its protocol has for that; a connection that has ended needs none.
    pub(crate) fn close_call(&mut self, key: ChannelKey, close: u64) {
        if self.check_open().is_ok() {
            let none = Encoded { buf: vec![0x90], segments: Vec::new() };
            frame::write(&mut self.output, key.id, close, &none, FrameHeaders::None);
        }
    }

    /// Queues a further frame of a channel before all that waits.
    pub(crate) fn send_urgent(
        &mut self,
        id: u64,
        kind: u64,
        args: &Encoded,
        tail: FrameHeaders<'_>,
    ) -> Result<(), Error> {
        self.check_open()?;
        if self.urgent.len() > MOST_URGENT {
            let text = format!("{} bytes of heartbeats wait for the peer to read", self.urgent.len());
            return Err(Error::new(ErrorKind::LimitExceeded(text)));
        }
        frame::write(&mut self.urgent, id, kind, args, tail);
        Ok(())
    }

    /// Queues the last frame of a half that was dropped unfinished. While the invocation runs it is held back: if that
    /// fails, the connection is closed without it.
    pub(crate) fn part(
        &mut self,
        id: u64,
        kind: u64,
        args: &Encoded,
        tail: FrameHeaders<'_>,
    ) -> Result<(), Error> {
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
        let first = if self.urgent.len() > 0 { &mut self.urgent } else { &mut self.output };
        std::mem::swap(first, empty);
        self.writing = true;
        self.due.append(&mut self.blocked);
    }

    /// Notes that the output which was taken is written.
    pub(crate) fn written(&mut self) {
        self.writing = false;
        if self.output_len() == 0 {
            self.due.append(&mut self.flushers);
        }
    }

    /// Returns once everything that was queued is with the socket.
    pub(crate) fn poll_flushed(&mut self, waker: &Waker) -> Poll<Result<(), Error>> {
        if let Some(error) = &self.closed {
            return Poll::Ready(Err(error.clone()));
        }
        if self.output_len() == 0 && !self.writing {
            return Poll::Ready(Ok(()));
        }
        keep(&mut self.flushers, waker);
        Poll::Pending
    }

    #[inline]
    pub(crate) fn output_len(&self) -> usize {
        self.output.len() + self.urgent.len()
    }

    pub(super) fn has_room(&self) -> bool {
        self.output.len() < self.limits.outgoing
    }

    #[inline]
    pub(super) fn check_open(&self) -> Result<(), Error> {
        self.closed.clone().map_or(Ok(()), Err)
    }
}

/// How many bytes of urgent frames may wait: some hundreds of them.
const MOST_URGENT: usize = 16 << 10;

fn exhausted() -> Error {
    Error::disconnected("channel ids are used up")
}
