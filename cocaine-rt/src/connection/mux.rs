//! The state of one connection: open channels, ids, and the output. No I/O, no `async`, no lock.
//!
//! Frames arrive through [`Mux::receive`], and bytes leave through [`Mux::take_output`]. Wakers are collected, and whoever
//! holds the lock wakes them after its release.
//!
//! # Channels
//!
//! The states of a channel, as its reader and its sender see it. What the peer may send is apart: [`recv_state`].
//!
//! ```text
//!           fail, expire            the reader has the error
//!   Open ───────────────> Failed ────────────────────────────> Discarding
//!    │ │                    │                                    ^    │
//!    │ └── the reader is released ───────────────────────────────┘    │
//!    │                      │                                         │
//!    └───── reset ──────────┴──────────────── reset ──────────────────┘
//!                           v
//!                         Reset: the error, if there is one, is still to be read
//! ```
//!
//! | verb | effect |
//! |---|---|
//! | `open` | opens a channel and queues its first frame |
//! | `finish` | ends a sender, an invocation, or what the peer may send, in good order |
//! | `reset` | ends a channel from outside: the peer has revoked it, or the connection ends |
//! | `expire` | fails the channels whose deadline has passed |
//! | `drain` | accepts no further invocations, and lets those finish that run |
//! | `close` | ends the connection, and resets all channels |
//! | `abandon` | cancels a call of the peer, which no longer waits for the answer |
//! | `release` | returns a handle; a channel without handles on which nothing may arrive is freed |

mod abandonment;
mod channel;
mod congestion;
mod credit;
mod handles;
mod id_hash;
mod invocations;
pub(crate) mod memory;
pub(crate) mod message;
mod oversized;
mod receiving;
pub(crate) mod recv_state;
pub(crate) mod root_protocol;
mod sending;
mod table;
mod waker_queue;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use self::{
    abandonment::DetachedCall, channel::Channel, id_hash::IdHashBuilder, memory::ConnectionMemory,
    message::Message, recv_state::RecvState, root_protocol::RootProtocol, table::ChannelTable,
    waker_queue::WakerQueue,
};
use crate::{
    protocol::{
        code::Code,
        error::{Error, ErrorKind},
        limits::Limits,
        memory::MemoryBudget,
        trace::Trace,
    },
    wire::{encode::Encoded, frame::FrameHeaders, hpack::HpackTable},
};

/// The precision of deadlines. One sweep of all channels a tick is cheaper than a timer for each call.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// A rule of the protocol that the peer broke. The connection ends without a message (`protocol.md` 2.2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The code that the other ends of relayed channels get (`worker.md` 3.4, 4).
    pub(crate) cause: Code,
    pub(crate) text: String,
}

impl Violation {
    pub(crate) fn new(cause: Code, text: impl Into<String>) -> Self {
        Self { cause, text: text.into() }
    }
}

/// The role of this side of the connection.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// Calls a service. Messages of unknown channels are dropped.
    Client,
    /// Serves a client.
    Server(Arc<RootProtocol>),
    /// Sends events to a worker and serves its control messages. Both sides share one sequence of ids: an id that is opened
    /// here is above all that the worker has used (`worker.md` 3.3).
    Host(Arc<RootProtocol>),
    /// Receives events as a worker. Messages that are not understood are dropped.
    Worker(Arc<RootProtocol>),
}

impl Role {
    fn root(&self) -> Option<&Arc<RootProtocol>> {
        match self {
            Self::Client => None,
            Self::Server(root) | Self::Host(root) | Self::Worker(root) => Some(root),
        }
    }
}

/// The identity of a channel: its id, and which side has opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelKey {
    pub(crate) id: u64,
    pub(crate) own: bool,
}

/// A channel to be opened.
pub(crate) struct NewChannel<'a> {
    pub(crate) method: u64,
    pub(crate) args: &'a Encoded,
    pub(crate) headers: FrameHeaders<'a>,
    pub(crate) recv_state: RecvState,
    /// Ticks from now after which the channel fails; `u64::MAX` for never.
    pub(crate) ticks: u64,
    /// The task that waits for the reply.
    pub(crate) reader: Option<Waker>,
    /// Whether the headers offer the peer credit.
    pub(crate) offers_credit: bool,
}

/// The resources that an invocation occupies while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvocationCost {
    /// A stream or a session lasts as long as its channel, and does not count among the invocations.
    pub(crate) is_long_lived: bool,
    /// The size of its arguments.
    pub(crate) bytes: usize,
}

/// An invocation that a server has received and not yet begun.
#[derive(Debug)]
pub(crate) struct PendingInvocation {
    pub(crate) id: u64,
    /// The index among the methods of the service.
    pub(crate) method: usize,
    pub(crate) message: Message,
    pub(crate) trace: Option<Trace>,
    pub(crate) cost: InvocationCost,
    /// Why the arguments are missing, if they were too long.
    pub(crate) refusal: Option<Error>,
    /// Whether the invocation is cancelled when its caller leaves.
    pub(crate) is_cancellable: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "independent facts about the connection")]
#[derive(Debug)]
pub(crate) struct Mux {
    limits: Limits,
    role: Role,
    /// The highest id that this side has opened.
    last_own_id: u64,
    /// The highest id that the peer has opened.
    last_peer_id: u64,
    own: ChannelTable,
    peers: HashMap<u64, Channel, IdHashBuilder>,
    hpack: HpackTable,
    output: Encoded,
    /// Output that is written before all other: heartbeats, which nothing may delay.
    urgent: Encoded,
    /// The invocations that have not begun, in the order of their ids.
    pending: VecDeque<PendingInvocation>,
    /// The unary calls that run in tasks of their own and are cancelled when their callers leave.
    detached: HashMap<u64, DetachedCall, IdHashBuilder>,
    /// Invocations that run, and those among them that last as long as their channels.
    running: usize,
    running_long_lived: usize,
    /// Bytes of the arguments of the invocations that run.
    args_bytes: usize,
    /// Bytes of the messages that no reader has read.
    unread_bytes: usize,
    memory: ConnectionMemory,
    /// Channels with so much unread that the socket is not read.
    congested: Vec<ChannelKey>,
    /// Channels on which what arrives must not wait for the readers of others.
    urgent_channels: usize,
    /// How often the first channel became congested.
    congestions: u64,
    /// The credit that the node has offered this worker for each channel.
    offered_credit: Option<u64>,
    /// Some channel has or had credit.
    uses_credit: bool,
    tick: u64,
    /// The highest id that this side had opened at the last call of `expire`.
    last_expired_id: u64,
    deadlines: usize,
    closed: Option<Error>,
    /// A message of a channel that this side has opened has arrived.
    answered: bool,
    /// No further invocation is accepted; those that run may finish.
    draining: bool,
    /// The driver has output that is not yet written.
    writing: bool,
    /// Tasks that wait until everything is written.
    flush_watchers: Vec<Waker>,
    /// Tasks that wait for room in the output.
    room_watchers: WakerQueue,
    /// Tasks that wait until no invocation is under way.
    finish_watchers: Vec<Waker>,
    /// Tasks that wait for the first answer, or for the end of the connection.
    event_watchers: Vec<Waker>,
    wakers: Vec<Waker>,
}

impl Mux {
    pub(crate) fn new(limits: Limits, role: Role, memory: MemoryBudget) -> Self {
        Self {
            limits,
            role,
            last_own_id: 0,
            last_peer_id: 0,
            own: ChannelTable::new(),
            peers: HashMap::default(),
            hpack: HpackTable::default(),
            output: Encoded::default(),
            urgent: Encoded::default(),
            pending: VecDeque::new(),
            detached: HashMap::default(),
            running: 0,
            running_long_lived: 0,
            args_bytes: 0,
            unread_bytes: 0,
            memory: ConnectionMemory::new(memory),
            congested: Vec::new(),
            urgent_channels: 0,
            congestions: 0,
            offered_credit: None,
            uses_credit: false,
            tick: 0,
            last_expired_id: 0,
            deadlines: 0,
            closed: None,
            answered: false,
            draining: false,
            writing: false,
            flush_watchers: Vec::new(),
            room_watchers: WakerQueue::default(),
            finish_watchers: Vec::new(),
            event_watchers: Vec::new(),
            wakers: Vec::new(),
        }
    }

    /// Accepts the credit that the node of this worker offers for each channel.
    pub(crate) fn accept_credit(&mut self, window: u64) {
        self.offered_credit = Some(window);
    }

    /// Returns whether time has to be kept: some channel has a deadline, or goes unread for too long, or others may wait for
    /// the memory of this connection.
    #[inline]
    pub(crate) fn has_deadlines(&self) -> bool {
        self.deadlines > 0 || !self.congested.is_empty() || self.has_counted_memory()
    }

    /// Advances the clock by `ticks`, and fails the channels whose deadline has passed. A channel that was opened since the
    /// last call may be younger: for it, one tick has passed.
    pub(crate) fn expire(&mut self, ticks: u64) {
        self.tick = self.tick.saturating_add(ticks);
        self.fail_stalled(ticks);
        self.fail_largest_unread(ticks);
        let young = ticks.saturating_sub(1);
        let last_expired_id = std::mem::replace(&mut self.last_expired_id, self.last_own_id);
        let mut expired = Vec::new();
        for channel in self.own.iter_mut() {
            if channel.id > last_expired_id {
                channel.expires = channel.expires.saturating_add(young);
            }
            if channel.expires <= self.tick {
                channel.fail(Error::new(ErrorKind::Deadline(Duration::ZERO)));
                self.wakers.extend(channel.reader.take());
                if channel.credit.is_on() {
                    self.wakers.extend(channel.credit.take_sender());
                    expired.push(ChannelKey { id: channel.id, own: true });
                }
            }
        }
        for key in expired {
            self.lift_credit(key);
        }
    }

    /// Ends the connection: every channel fails with `error`, and so does every later call.
    pub(crate) fn close(&mut self, error: &Error) {
        if self.closed.is_some() {
            return;
        }
        self.closed = Some(error.clone());
        for channel in self.own.iter_mut().chain(self.peers.values_mut()) {
            channel.reset(error.clone(), &mut self.wakers);
        }
        self.wake_detached_calls();
        self.room_watchers.drain_into(&mut self.wakers, usize::MAX);
        self.wakers.append(&mut self.flush_watchers);
        self.wakers.append(&mut self.finish_watchers);
        self.wakers.append(&mut self.event_watchers);
    }

    /// Returns once the peer has answered anything; the error of a connection that ends before that.
    pub(crate) fn poll_answered(&mut self, waker: &Waker) -> Poll<Result<(), Error>> {
        match &self.closed {
            _ if self.answered => return Poll::Ready(Ok(())),
            Some(error) => return Poll::Ready(Err(error.clone())),
            None => add_waker(&mut self.event_watchers, waker),
        }
        Poll::Pending
    }

    /// Returns the error of the connection once it has ended.
    pub(crate) fn poll_closed(&mut self, waker: &Waker) -> Poll<Error> {
        if let Some(error) = &self.closed {
            return Poll::Ready(error.clone());
        }
        add_waker(&mut self.event_watchers, waker);
        Poll::Pending
    }

    /// Accepts no further invocation, and resets the channels of the peer, which could last for ever. Calls that run may
    /// finish.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        let error = Error::disconnected("the server shuts down");
        for channel in self.peers.values_mut() {
            channel.reset(error.clone(), &mut self.wakers);
        }
    }

    /// Returns whether the connection drains and no invocation is left.
    #[inline]
    pub(crate) fn is_drained(&self) -> bool {
        self.draining && self.running == 0 && self.pending.is_empty()
    }

    /// Returns whether the peer has opened any channel.
    pub(crate) fn has_peer_opened(&self) -> bool {
        self.last_peer_id > 0
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(crate) fn closed(&self) -> Option<&Error> {
        self.closed.as_ref()
    }

    /// Returns the wakers to be woken.
    #[inline]
    pub(crate) fn wakers(&mut self) -> &mut Vec<Waker> {
        &mut self.wakers
    }
}

/// Adds a waker unless the list has it: a task may poll again before it is woken.
fn add_waker(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|known| known.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

#[cfg(test)]
mod tests;
