//! The frames of this side, and the room that they need in the output.

use std::task::{Poll, Waker, ready};

use super::{
    ChannelKey, Mux, NewChannel, Role, add_waker,
    channel::{Channel, HandlerState},
    credit::Credit,
    recv_state::RecvState,
};
use crate::{
    protocol::{
        credit,
        error::{Error, ErrorKind},
        graph::{PING, WRITE},
    },
    wire::{
        encode::{self, Encoded},
        frame::{self, FrameHeaders},
    },
};

impl Mux {
    /// Opens a channel: queues its first frame with the next id.
    #[inline]
    pub(crate) fn open(&mut self, open: NewChannel<'_>) -> Result<ChannelKey, Error> {
        self.check_open()?;
        if matches!(self.role, Role::Host(_)) {
            return self.open_shared(open);
        }
        let id = self.own.next_id(self.last_own_id).ok_or_else(ids_exhausted)?;
        self.last_own_id = id;
        frame::write(&mut self.output, id, open.method, open.args, open.headers);
        self.wake_next_sender();
        if !open.recv_state.is_ended() {
            let expires = self.tick.saturating_add(open.ticks);
            self.deadlines += usize::from(expires != u64::MAX);
            let channel = self.own.open(id, open.recv_state);
            channel.expires = expires;
            channel.reader = open.reader;
            if open.offers_credit {
                channel.credit = Credit::offered();
                self.uses_credit = true;
                // The halves count themselves, and the channel is freed with the last of them.
                channel.handles = 0;
            }
        }
        Ok(ChannelKey { id, own: true })
    }

    /// Opens the channel of an event, and queues with its first frame the chunk of its arguments and the message that closes
    /// this side, if there are any.
    pub(crate) fn open_event(
        &mut self,
        open: NewChannel<'_>,
        chunk: Option<&Encoded>,
        close: Option<u64>,
    ) -> Result<ChannelKey, Error> {
        let key = self.open(open)?;
        if let Some(args) = chunk {
            self.spend_credit(key, credit::cost(args.len()));
            frame::write(&mut self.output, key.id, WRITE, args, FrameHeaders::None);
        }
        if let Some(close) = close {
            frame::begin(&mut self.output, key.id, close, FrameHeaders::None);
            encode::write_array_len(&mut self.output.buf, 0);
        }
        Ok(key)
    }

    /// Asks the peer for a sign of life if a channel of this side is open: returns whether the question is queued. The
    /// answer is dropped, but it is an arrival of bytes.
    pub(crate) fn ping(&mut self) -> bool {
        if self.own.len() == 0 || !self.is_flushed() {
            return false;
        }
        let no_args = Encoded { buf: vec![0x90], segments: Vec::new() };
        let ping = NewChannel {
            method: PING,
            args: &no_args,
            headers: FrameHeaders::None,
            recv_state: RecvState::Ended,
            ticks: u64::MAX,
            reader: None,
            offers_credit: false,
        };
        self.open(ping).is_ok()
    }

    /// Opens a channel with an id above all that either side has used.
    fn open_shared(&mut self, open: NewChannel<'_>) -> Result<ChannelKey, Error> {
        let id = self.last_peer_id.checked_add(1).ok_or_else(ids_exhausted)?;
        self.last_peer_id = id;
        frame::write(&mut self.output, id, open.method, open.args, open.headers);
        let mut channel = Channel::new(id, open.recv_state);
        // One for each half: the answer may arrive before the halves exist.
        channel.handles = 2;
        if open.offers_credit {
            channel.credit = Credit::offered();
            self.uses_credit = true;
        }
        self.peers.insert(id, channel);
        Ok(ChannelKey { id, own: false })
    }

    /// Queues frames of a channel that are encoded already, and take `cost` of its credit.
    pub(crate) fn send_encoded(&mut self, key: ChannelKey, frames: &Encoded, cost: u64) -> Result<(), Error> {
        self.check_open()?;
        self.spend_credit(key, cost);
        self.output.append(frames);
        self.wake_next_sender();
        Ok(())
    }

    /// Queues a further message of a channel, which takes some of its credit.
    pub(crate) fn send_message(
        &mut self,
        key: ChannelKey,
        kind: u64,
        args: &Encoded,
        headers: FrameHeaders<'_>,
    ) -> Result<(), Error> {
        self.spend_credit(key, credit::cost(args.len()));
        self.send(key.id, kind, args, headers)
    }

    /// Queues a further frame of a channel.
    #[inline]
    pub(crate) fn send(
        &mut self,
        id: u64,
        kind: u64,
        args: &Encoded,
        headers: FrameHeaders<'_>,
    ) -> Result<(), Error> {
        self.check_open()?;
        frame::write(&mut self.output, id, kind, args, headers);
        self.wake_next_sender();
        Ok(())
    }

    /// Sends the message by which the protocol of a call abandons it; a connection that has ended needs none.
    pub(crate) fn send_close(&mut self, key: ChannelKey, close: u64) {
        if self.check_open().is_ok() {
            let no_args = Encoded { buf: vec![0x90], segments: Vec::new() };
            frame::write(&mut self.output, key.id, close, &no_args, FrameHeaders::None);
        }
    }

    /// Queues a further frame of a channel before all others.
    pub(crate) fn send_urgent(
        &mut self,
        key: ChannelKey,
        kind: u64,
        args: &Encoded,
        headers: FrameHeaders<'_>,
    ) -> Result<(), Error> {
        self.check_open()?;
        if self.urgent.len() > MAX_URGENT_BYTES {
            let text = format!("{} bytes of heartbeats wait for the peer to read", self.urgent.len());
            return Err(Error::new(ErrorKind::LimitExceeded(text)));
        }
        frame::write(&mut self.urgent, key.id, kind, args, headers);
        Ok(())
    }

    /// Queues the last frame of a sender that was dropped unfinished. While the handler of the channel runs, the frame
    /// waits for its end: if the handler fails, the connection is closed without the frame.
    pub(crate) fn finish(
        &mut self,
        key: ChannelKey,
        kind: u64,
        args: &Encoded,
        headers: FrameHeaders<'_>,
    ) -> Result<(), Error> {
        let id = key.id;
        let handler = self.peers.get_mut(&id).map(|channel| &mut channel.handler);
        match handler {
            None | Some(HandlerState::Idle) => self.send(id, kind, args, headers),
            Some(HandlerState::SenderFinished(frames)) => {
                frame::write(frames, id, kind, args, headers);
                Ok(())
            }
            Some(handler @ HandlerState::Running) => {
                let mut frames = Box::<Encoded>::default();
                frame::write(&mut frames, id, kind, args, headers);
                *handler = HandlerState::SenderFinished(frames);
                Ok(())
            }
        }
    }

    /// Returns once the next message of a channel may be queued: there is room in the output, and the peer has granted
    /// credit. Returns how many bytes there is room for.
    pub(crate) fn poll_send(&mut self, key: ChannelKey, waker: &Waker) -> Poll<u64> {
        let mut room = u64::MAX;
        if self.closed.is_none()
            && let Some(channel) = self.channel(key)
        {
            if channel.needs_credit() {
                channel.credit.wait(waker);
                return Poll::Pending;
            }
            room = channel.credit.available();
        }
        ready!(self.poll_room(waker));
        let queued = self.current_limit(self.limits.max_queued_bytes).saturating_sub(self.output.len());
        Poll::Ready(room.min(queued as u64))
    }

    fn spend_credit(&mut self, key: ChannelKey, cost: u64) {
        if let Some(channel) = self.channel(key) {
            channel.credit.spend(cost);
        }
    }

    /// Grants the peer credit for a channel, after its reader has read.
    pub(super) fn write_credit(&mut self, id: u64, bytes: u64) {
        let mut args = Encoded::default();
        encode::write_array_len(&mut args.buf, 1);
        encode::write_uint(&mut args.buf, bytes);
        frame::write(&mut self.output, id, credit::CREDIT, &args, FrameHeaders::None);
    }

    /// Lets the peer go on to the end of a channel that nobody reads: what still comes is dropped.
    pub(super) fn lift_credit(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channel(key)
            && !channel.recv_state.is_ended()
            && let Some(bytes) = channel.credit.lift()
            && self.closed.is_none()
        {
            self.write_credit(key.id, bytes);
        }
    }

    /// The credit that this side grants a channel at first.
    pub(super) fn window(&self) -> u64 {
        self.limits.stream_window_bytes as u64
    }

    /// Returns once senders may go on.
    #[inline]
    pub(crate) fn poll_room(&mut self, waker: &Waker) -> Poll<()> {
        if self.can_queue() || self.closed.is_some() {
            return Poll::Ready(());
        }
        self.room_watchers.add(waker);
        Poll::Pending
    }

    /// Swaps the output for an empty buffer, and wakes some of the senders that wait for room. Each that has queued a message
    /// wakes the next one while there is room. Returns the bytes of the output.
    #[inline]
    pub(crate) fn take_output(&mut self, empty: &mut Encoded) -> usize {
        let first = if self.urgent.len() > 0 { &mut self.urgent } else { &mut self.output };
        std::mem::swap(first, empty);
        self.writing = true;
        self.memory.writing_bytes = empty.len();
        self.wake_senders();
        self.memory.writing_bytes
    }

    /// Wakes the sender that has waited longest for room, if there is room.
    #[inline]
    fn wake_next_sender(&mut self) {
        if !self.room_watchers.is_empty() && self.can_queue() {
            self.room_watchers.drain_into(&mut self.wakers, 1);
        }
    }

    /// Wakes some of the senders that still wait, if there is room: those that were woken before them may have sent nothing.
    /// Returns whether there were any.
    pub(crate) fn wake_senders(&mut self) -> bool {
        let any_wait = !self.room_watchers.is_empty() && self.can_queue();
        self.room_watchers.drain_into(&mut self.wakers, if any_wait { SENDERS_WOKEN } else { 0 });
        any_wait
    }

    /// Notes that the output which [`Mux::take_output`] returned is written.
    pub(crate) fn note_written(&mut self) {
        self.writing = false;
        self.memory.writing_bytes = 0;
        if self.output_len() == 0 {
            self.wakers.append(&mut self.flush_watchers);
        }
    }

    /// Returns once the socket has everything that was queued; the error of a connection that has ended before that.
    pub(crate) fn poll_flushed(&mut self, waker: &Waker) -> Poll<Result<(), Error>> {
        if self.is_flushed() {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = &self.closed {
            return Poll::Ready(Err(error.clone()));
        }
        add_waker(&mut self.flush_watchers, waker);
        Poll::Pending
    }

    /// Returns whether the socket has everything that was queued.
    pub(crate) fn is_flushed(&self) -> bool {
        self.output_len() == 0 && !self.writing
    }

    #[inline]
    pub(crate) fn output_len(&self) -> usize {
        self.output.len() + self.urgent.len()
    }

    pub(super) fn has_room(&self) -> bool {
        self.output.len() < self.limits.max_queued_bytes
    }

    /// Returns whether senders may go on: there is room in the output, also in what is left of it while memory is scarce.
    #[inline]
    pub(super) fn can_queue(&self) -> bool {
        let queued = self.output.len();
        queued < self.limits.max_queued_bytes && queued < self.current_limit(self.limits.max_queued_bytes)
    }

    #[inline]
    pub(super) fn check_open(&self) -> Result<(), Error> {
        self.closed.clone().map_or(Ok(()), Err)
    }
}

/// How many senders are woken at once for the room of a whole buffer: what one of them sends may fill it.
const SENDERS_WOKEN: usize = 16;

/// The bytes of urgent frames that may wait: some hundreds of frames.
const MAX_URGENT_BYTES: usize = 16 << 10;

fn ids_exhausted() -> Error {
    Error::disconnected("channel ids are used up")
}
