//! The frames of the peer: messages of open channels, invocations of a server, and control messages.

use super::{
    ChannelKey, InvocationCost, Mux, PendingInvocation, Role, Violation,
    channel::{Channel, Delivery, HandlerState},
    credit::Credit,
    message::Message,
    recv_state::RecvState,
    root_protocol::{FirstMessage, decode_revoke},
};
use crate::{
    protocol::{code::Code, credit, error::Error, graph::ERROR, trace::Trace},
    wire::{
        encode::Encoded,
        frame::{self, FrameHeaders},
        headers::Headers,
        hpack,
        scan::FrameBounds,
    },
};

impl Mux {
    /// Receives one frame, whose bytes start at `start` in `batch`.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        batch: &bytes::Bytes,
        start: usize,
        bounds: &FrameBounds,
    ) -> Result<(), Violation> {
        let headers = self.read_headers(batch, start, bounds)?;
        let args = batch.slice(start + bounds.args.start..start + bounds.args.end);
        let message = Message { kind: bounds.kind, args, headers };
        if self.is_credit(bounds.channel, bounds.kind) {
            return self.receive_credit(bounds.channel, &message);
        }
        let Some(channel) = self.own.get(bounds.channel) else {
            return self.receive_peers(bounds.channel, message);
        };
        if channel.recv_state.is_ended() {
            return Ok(());
        }
        let before = channel.unread_bytes();
        if !self.answered {
            self.answered = true;
            self.wakers.append(&mut self.event_watchers);
        }
        let is_refused = channel.deliver(message) == Delivery::NotAllowed;
        if is_refused && !matches!(self.role, Role::Worker(_)) {
            channel.fail(Error::protocol(not_allowed(bounds.kind, channel.id)));
        }
        self.wakers.extend(channel.reader.take());
        let added = channel.unread_bytes() - before;
        let key = ChannelKey { id: bounds.channel, own: true };
        self.note_queued(key, added);
        if is_refused {
            self.lift_credit(key);
        }
        Ok(())
    }

    /// Returns whether a message is credit: on a channel for which credit was offered, or on one that has ended, if any had
    /// credit. Otherwise the id is one like others.
    fn is_credit(&mut self, id: u64, kind: u64) -> bool {
        if kind != credit::CREDIT || !self.uses_credit {
            return false;
        }
        let last_id = self.last_peer_id.max(self.last_own_id);
        match self.own.get(id).or_else(|| self.peers.get_mut(&id)) {
            Some(channel) => !channel.credit.is_off(),
            None => id <= last_id,
        }
    }

    /// Receives credit for a channel. Grants may arrive after the end of their channel, and are dropped then.
    fn receive_credit(&mut self, id: u64, message: &Message) -> Result<(), Violation> {
        let Some(channel) = self.own.get(id).or_else(|| self.peers.get_mut(&id)) else { return Ok(()) };
        match credit::decode_grant(&message.args) {
            Ok(bytes) => self.wakers.extend(channel.credit.add(bytes)),
            Err(text) => return self.tolerate(Code::INVALID_ARGUMENTS, || text),
        }
        Ok(())
    }

    #[inline]
    pub(super) fn read_headers(
        &mut self,
        batch: &bytes::Bytes,
        start: usize,
        bounds: &FrameBounds,
    ) -> Result<Headers, Violation> {
        let Some(range) = &bounds.headers else { return Ok(Headers::default()) };
        let headers = self.hpack.read(&batch[start + range.start..start + range.end]);
        headers.map_err(|error| Violation::new(Code::HPACK_ERROR, format!("unreadable headers: {error}")))
    }

    /// Receives a message of a channel that the peer has opened, or that a host has.
    fn receive_peers(&mut self, id: u64, message: Message) -> Result<(), Violation> {
        match self.peers.get_mut(&id) {
            Some(channel) if !channel.recv_state.is_ended() => {
                let kind = message.kind;
                let before = channel.unread_bytes();
                if channel.deliver(message) == Delivery::NotAllowed {
                    return self.tolerate(Code::SLOT_NOT_FOUND, || not_allowed(kind, id));
                }
                self.wakers.extend(channel.reader.take());
                if kind == ERROR && matches!(self.role, Role::Worker(_)) {
                    channel.mark_reset();
                }
                if channel.is_reset() {
                    self.wakers.append(&mut channel.reset_watchers);
                    self.wakers.extend(channel.credit.take_sender());
                }
                let (added, is_reset) = (channel.unread_bytes() - before, channel.is_reset());
                self.note_queued(ChannelKey { id, own: false }, added);
                self.free_if_unused(id);
                if is_reset {
                    self.abandon_call(id);
                }
                Ok(())
            }
            _ if id > self.last_peer_id => self.accept(id, message, None),
            _ => self
                .tolerate(Code::REVOKED_CHANNEL, || format!("channel {id} is not above every earlier one")),
        }
    }

    /// Ends the connection for a broken rule, unless this role drops what it does not understand.
    pub(super) fn tolerate(&self, cause: Code, text: impl FnOnce() -> String) -> Result<(), Violation> {
        match self.role {
            Role::Client => Ok(()),
            Role::Worker(_) => {
                tracing::debug!(reason = text(), "a message of the node was dropped");
                Ok(())
            }
            Role::Server(_) | Role::Host(_) => Err(Violation::new(cause, text())),
        }
    }

    fn check_budget(&self, bytes: usize) -> Result<(), Violation> {
        if bytes <= self.limits.max_in_use_bytes {
            return Ok(());
        }
        let text = format!("more than {} bytes are kept for one connection", self.limits.max_in_use_bytes);
        Err(Violation::new(Code::OUT_OF_MEMORY, text))
    }

    /// Accepts the first message of a channel. A `refusal` stands for the arguments of a call that were too long.
    pub(super) fn accept(
        &mut self,
        id: u64,
        mut message: Message,
        refusal: Option<Error>,
    ) -> Result<(), Violation> {
        let Some(root) = self.role.root() else { return Ok(()) };
        let first = root.first_message(message.kind);
        self.last_peer_id = id;
        let trace = match message.headers.trace() {
            Ok(trace) => trace,
            Err(_) if matches!(self.role, Role::Worker(_)) => None,
            Err(text) => return Err(Violation::new(Code::HPACK_ERROR, text)),
        };
        match first {
            FirstMessage::Method { index, recv_state, is_tracked, is_long_lived, is_cancellable } => {
                let cost = InvocationCost { is_long_lived, bytes: message.weight() };
                if is_tracked {
                    self.check_budget(self.args_bytes + cost.bytes)?;
                    self.track(id, recv_state, &message)?;
                    // It may wait for as long as the channel is open.
                    message.detach();
                }
                self.memory.pending_bytes += cost.bytes;
                self.pending.push_back(PendingInvocation {
                    id,
                    method: index,
                    message,
                    trace,
                    cost,
                    refusal,
                    is_cancellable,
                });
                Ok(())
            }
            FirstMessage::Ping => self.acknowledge(id, trace),
            FirstMessage::Revoke => {
                let (target, error) = decode_revoke(&message.args)?;
                self.reset(target, error);
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

    /// Opens a channel for an invocation that outlives its first message.
    fn track(&mut self, id: u64, recv_state: RecvState, message: &Message) -> Result<(), Violation> {
        if self.peers.len() >= self.limits.max_channels {
            let text = format!("more than {} channels are open", self.limits.max_channels);
            return Err(Violation::new(Code::OUT_OF_MEMORY, text));
        }
        let mut channel = Channel::new(id, recv_state);
        channel.handler = HandlerState::Running;
        let offer = match self.role {
            Role::Worker(_) => self.offered_credit,
            _ => credit::decode_offer(&message.headers),
        };
        if let Some(window) = offer {
            channel.credit = Credit::accepted(window);
            self.uses_credit = true;
            self.write_credit(id, self.window());
        }
        self.peers.insert(id, channel);
        Ok(())
    }

    /// Answers a control message.
    fn acknowledge(&mut self, id: u64, trace: Option<Trace>) -> Result<(), Violation> {
        // A server has stopped reading by then; the other roles read on, since heartbeats share their socket.
        if !matches!(self.role, Role::Server(_)) && !self.has_room() {
            return Err(Violation::new(Code::OUT_OF_MEMORY, "the answers to control messages are not read"));
        }
        let mut buf = Vec::new();
        let headers = FrameHeaders::Encoded(hpack::write_reply(&mut buf, trace.map(Trace::ids), &[]));
        let no_args = Encoded { buf: vec![0x90], segments: Vec::new() };
        frame::write(&mut self.output, id, 0, &no_args, headers);
        Ok(())
    }

    /// Resets a channel of the peer: its reader gets the error, and its sender learns that nobody receives.
    pub(super) fn reset(&mut self, id: u64, error: Error) {
        if let Some(channel) = self.peers.get_mut(&id).filter(|channel| !channel.recv_state.is_ended()) {
            channel.reset(error, &mut self.wakers);
            channel.recv_state = RecvState::Ended;
            self.free_if_unused(id);
        }
        self.abandon_call(id);
    }
}

pub(super) fn not_allowed(kind: u64, channel: u64) -> String {
    format!("message {kind} is not allowed on channel {channel}")
}
