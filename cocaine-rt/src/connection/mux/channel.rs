//! One open channel: its states, and the messages that wait for its reader.

use std::{collections::VecDeque, mem, task::Waker};

use super::{credit::Credit, message::Message, recv_state::RecvState};
use crate::{
    protocol::error::{Error, ErrorKind},
    wire::encode::Encoded,
};

/// Whether the reader of a channel gets what arrives, and whether the peer still takes what is sent. The module
/// documentation of the mux draws the transitions.
#[derive(Debug)]
pub(super) enum ChannelState {
    /// Messages are queued for the reader.
    Open,
    /// The reader gets this error after the queued messages. Further messages are dropped.
    Failed(Error),
    /// Nobody reads. Further messages are dropped.
    Discarding,
    /// The peer, or the end of the connection, has ended the channel: nothing that is sent arrives. The reader gets the
    /// error, if there is one, after the queued messages.
    Reset(Option<Error>),
}

/// The handler that was invoked for a channel.
#[derive(Debug)]
pub(super) enum HandlerState {
    /// No handler runs.
    Idle,
    /// It runs.
    Running,
    /// It runs, and its sender was dropped unfinished. The last frames of the sender wait for the end of the handler.
    SenderFinished(Box<Encoded>),
}

/// Whether a message was allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It was queued, or dropped because nobody reads.
    Accepted,
    /// The receiving state does not allow it.
    NotAllowed,
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: u64,
    pub(super) recv_state: RecvState,
    state: ChannelState,
    pub(super) handler: HandlerState,
    /// Handles that have not been dropped: the halves, the pending reply, the invocation.
    pub(super) handles: u8,
    /// The queue of unread messages: a chunk and the `close` after it often come together, and need no allocation.
    first: Option<Message>,
    second: Option<Message>,
    rest: VecDeque<Message>,
    unread_bytes: usize,
    /// The reader, while it waits for a message.
    pub(super) reader: Option<Waker>,
    /// Tasks that wait until the channel is reset.
    pub(super) reset_watchers: Vec<Waker>,
    /// The tick at which the channel fails; `u64::MAX` without a deadline.
    pub(super) expires: u64,
    pub(super) credit: Credit,
    /// What arrives must not wait for the readers of other channels.
    pub(super) is_urgent: bool,
    /// Ticks since the reader has last read, while the channel is congested.
    pub(super) stalled_ticks: u64,
}

impl Channel {
    pub(super) fn vacant() -> Self {
        Self::new(0, RecvState::Ended)
    }

    pub(super) fn new(id: u64, recv_state: RecvState) -> Self {
        Self {
            id,
            recv_state,
            state: ChannelState::Open,
            handler: HandlerState::Idle,
            handles: 1,
            first: None,
            second: None,
            rest: VecDeque::new(),
            unread_bytes: 0,
            reader: None,
            reset_watchers: Vec::new(),
            expires: u64::MAX,
            credit: Credit::default(),
            is_urgent: false,
            stalled_ticks: 0,
        }
    }

    /// Makes this the channel `id`, whatever it was before. Channels of this side, which are renewed, have no handler.
    #[inline]
    pub(super) fn renew(&mut self, id: u64, recv_state: RecvState) {
        self.id = id;
        self.recv_state = recv_state;
        self.state = ChannelState::Open;
        (self.first, self.second) = (None, None);
        if self.rest.capacity() > 0 {
            self.rest = VecDeque::new();
        }
        (self.unread_bytes, self.expires, self.handles) = (0, u64::MAX, 1);
        self.reader = None;
        self.reset_watchers.clear();
        self.credit = Credit::default();
        self.is_urgent = false;
        self.stalled_ticks = 0;
    }

    /// Queues a message for the reader.
    #[inline]
    pub(super) fn deliver(&mut self, mut message: Message) -> Delivery {
        let is_single = matches!(self.recv_state, RecvState::Primitive);
        let closes = matches!(self.recv_state, RecvState::Close(_));
        if !self.recv_state.advance(message.kind) {
            return Delivery::NotAllowed;
        }
        if closes {
            self.mark_reset();
            return Delivery::Accepted;
        }
        if !matches!(self.state, ChannelState::Open) {
            return Delivery::Accepted;
        }
        if !is_single {
            message.detach();
        }
        self.unread_bytes += message.weight();
        match (&self.first, &self.second) {
            (None, _) => self.first = Some(message),
            (_, None) => self.second = Some(message),
            _ => self.rest.push_back(message),
        }
        Delivery::Accepted
    }

    /// Returns how much memory the unread messages take.
    #[inline]
    pub(super) fn unread_bytes(&self) -> usize {
        self.unread_bytes
    }

    /// Returns how much of that the oldest message takes.
    #[inline]
    pub(super) fn first_bytes(&self) -> usize {
        self.first.as_ref().map_or(0, Message::weight)
    }

    /// Returns whether more than `limit` bytes are unread, in several messages, and more may come.
    #[inline]
    pub(super) fn is_congested(&self, limit: usize) -> bool {
        self.unread_bytes > limit && self.second.is_some() && !self.recv_state.is_ended()
    }

    /// Returns whether the channel has failed and nothing is left to be read before its error.
    pub(super) fn has_failed_unread(&self) -> bool {
        self.first.is_none() && matches!(self.state, ChannelState::Failed(_))
    }

    /// Returns whether the sender of this side has to wait for credit.
    #[inline]
    pub(super) fn needs_credit(&self) -> bool {
        self.credit.is_exhausted() && matches!(self.state, ChannelState::Open | ChannelState::Discarding)
    }

    /// Removes and returns the oldest unread message.
    #[inline]
    pub(super) fn pop_message(&mut self) -> Option<Message> {
        let message = self.first.take()?;
        self.first = self.second.take();
        if self.first.is_some() {
            self.second = self.rest.pop_front();
        }
        self.unread_bytes -= message.weight();
        self.stalled_ticks = 0;
        Some(message)
    }

    /// Fails the channel, unless it has failed. The reader gets the error after the unread messages; an overflow drops
    /// them.
    pub(super) fn fail(&mut self, error: Error) {
        if matches!(error.kind(), ErrorKind::LimitExceeded(_)) {
            (self.first, self.second) = (None, None);
            self.rest = VecDeque::new();
            self.unread_bytes = 0;
        }
        match &mut self.state {
            ChannelState::Failed(_) => {}
            ChannelState::Reset(reason) => drop(reason.get_or_insert(error)),
            state => *state = ChannelState::Failed(error),
        }
    }

    /// Removes and returns the error that the reader has not read; later messages are dropped.
    #[inline]
    pub(super) fn take_error(&mut self) -> Option<Error> {
        match &mut self.state {
            ChannelState::Open | ChannelState::Discarding => None,
            ChannelState::Reset(reason) => reason.take(),
            ChannelState::Failed(_) => match mem::replace(&mut self.state, ChannelState::Discarding) {
                ChannelState::Failed(error) => Some(error),
                ChannelState::Open | ChannelState::Discarding | ChannelState::Reset(_) => None,
            },
        }
    }

    /// Drops the unread messages, and those that still arrive.
    pub(super) fn discard(&mut self) {
        if matches!(self.state, ChannelState::Open) {
            self.state = ChannelState::Discarding;
        }
        while self.pop_message().is_some() {}
    }

    /// Ends the channel from outside: the peer has revoked it, or the connection has ended.
    pub(super) fn reset(&mut self, error: Error, wakers: &mut Vec<Waker>) {
        self.mark_reset();
        if !self.recv_state.is_ended() {
            self.fail(error);
        }
        wakers.extend(self.reader.take());
        wakers.extend(self.credit.take_sender());
        wakers.append(&mut self.reset_watchers);
    }

    /// Notes that the peer takes nothing more. An error that the reader has not read stays.
    pub(super) fn mark_reset(&mut self) {
        self.state = match mem::replace(&mut self.state, ChannelState::Discarding) {
            ChannelState::Failed(error) => ChannelState::Reset(Some(error)),
            ChannelState::Reset(reason) => ChannelState::Reset(reason),
            ChannelState::Open | ChannelState::Discarding => ChannelState::Reset(None),
        };
    }

    pub(super) fn is_reset(&self) -> bool {
        matches!(self.state, ChannelState::Reset(_))
    }

    #[cfg(test)]
    pub(super) fn is_failed(&self) -> bool {
        matches!(self.state, ChannelState::Failed(_) | ChannelState::Reset(Some(_)))
    }
}
