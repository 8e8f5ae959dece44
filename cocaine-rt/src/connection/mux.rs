//! The state of one connection: open channels, ids, what waits to be written. No I/O, no `async`, no lock.
//!
//! Frames come in through [`Mux::receive`], bytes go out through [`Mux::take_output`], and wakers that became due are
//! collected for whoever holds the lock to wake once it is gone.

mod holding;
mod id_hash;
mod intake;
pub(crate) mod roots;
mod sending;
pub(crate) mod slot;
mod table;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use self::{
    id_hash::IdHashBuilder,
    roots::RootProtocol,
    slot::{Message, RecvState, Slot},
    table::Table,
};
use crate::{
    protocol::{
        code::Code,
        error::{Error, ErrorKind},
        limits::Limits,
        trace::Trace,
    },
    wire::{encode::Encoded, frame::FrameHeaders, hpack::HpackTable},
};

/// A rule of the protocol that the peer broke; the connection ends without a word (`protocol.md` 2.2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// What those learn who share a channel with the peer (`worker.md` 3.4, 4).
    pub(crate) cause: Code,
    pub(crate) text: String,
}

impl Violation {
    pub(crate) fn new(cause: Code, text: impl Into<String>) -> Self {
        Self { cause, text: text.into() }
    }
}

/// What a connection is to this side.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// It carries calls to a service; what is not known is dropped.
    Client,
    /// It carries calls of a client to what is served here.
    Server(Arc<RootProtocol>),
    /// It carries events to a worker, and what the worker says of itself. Ids are shared: one that is opened here is
    /// above all that the worker has used (`worker.md` 3.3).
    Host(Arc<RootProtocol>),
    /// It carries events to this worker; what is not known is dropped.
    Worker(Arc<RootProtocol>),
}

impl Role {
    fn roots(&self) -> Option<&Arc<RootProtocol>> {
        match self {
            Self::Client => None,
            Self::Server(roots) | Self::Host(roots) | Self::Worker(roots) => Some(roots),
        }
    }
}

/// Which channel, and who opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelKey {
    pub(crate) id: u64,
    pub(crate) own: bool,
}

/// A channel to be opened.
pub(crate) struct NewChannel<'a> {
    pub(crate) method: u64,
    pub(crate) args: &'a Encoded,
    pub(crate) tail: FrameHeaders<'a>,
    pub(crate) recv_state: RecvState,
    /// Ticks from now after which the channel fails; `u64::MAX` for never.
    pub(crate) ticks: u64,
    /// Who waits for the reply.
    pub(crate) reader: Option<Waker>,
}

/// What an invocation takes while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvocationCost {
    /// It is a stream or a session: it lasts as long as its channel, and does not count among the invocations.
    pub(crate) lasting: bool,
    /// The size of its arguments.
    pub(crate) bytes: usize,
}

/// An invocation that a server has received and not begun.
#[derive(Debug)]
pub(crate) struct PendingInvocation {
    pub(crate) id: u64,
    /// Place of the method in the server's table.
    pub(crate) method: usize,
    pub(crate) message: Message,
    pub(crate) trace: Option<Trace>,
    pub(crate) cost: InvocationCost,
}

#[derive(Debug)]
pub(crate) struct Mux {
    limits: Limits,
    role: Role,
    /// The highest id that this side has opened.
    opened: u64,
    /// The highest id that the peer has opened.
    accepted: u64,
    own: Table,
    peers: HashMap<u64, Slot, IdHashBuilder>,
    headers: HpackTable,
    output: Encoded,
    /// What is written before all other output: heartbeats, which nothing may delay.
    urgent: Encoded,
    pending: VecDeque<PendingInvocation>,
    /// Invocations that have begun and not ended, and those of them that last as long as their channels.
    running: usize,
    lasting: usize,
    /// Bytes of the arguments of what runs.
    held: usize,
    /// Bytes that have come on open channels since what is unread was last added up.
    arrived: usize,
    tick: u64,
    /// The highest id that this side had opened when ticks were last counted.
    swept: u64,
    timed: usize,
    closed: Option<Error>,
    /// Nothing more is taken in; what runs may finish.
    draining: bool,
    /// Output was taken and is not yet written.
    writing: bool,
    /// Who waits until everything is written.
    flushers: Vec<Waker>,
    /// Who waits for room in the output.
    blocked: Vec<Waker>,
    /// Who waits until nothing that was taken in is under way.
    finishers: Vec<Waker>,
    due: Vec<Waker>,
}

impl Mux {
    pub(crate) fn new(limits: Limits, role: Role) -> Self {
        Self {
            limits,
            role,
            opened: 0,
            accepted: 0,
            own: Table::new(),
            peers: HashMap::default(),
            headers: HpackTable::default(),
            output: Encoded::default(),
            urgent: Encoded::default(),
            pending: VecDeque::new(),
            running: 0,
            lasting: 0,
            held: 0,
            arrived: 0,
            tick: 0,
            swept: 0,
            timed: 0,
            closed: None,
            draining: false,
            writing: false,
            flushers: Vec::new(),
            blocked: Vec::new(),
            finishers: Vec::new(),
            due: Vec::new(),
        }
    }

    /// Returns whether some channel has a deadline.
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        self.timed > 0
    }

    /// Counts ticks, and fails the channels whose deadline has passed. A channel that was opened since the last sweep
    /// may be younger than that: for it, one tick has passed.
    pub(crate) fn sweep(&mut self, ticks: u64) {
        self.tick = self.tick.saturating_add(ticks);
        let (young, swept) = (ticks.saturating_sub(1), std::mem::replace(&mut self.swept, self.opened));
        for slot in self.own.iter_mut() {
            if slot.id > swept {
                slot.expires = slot.expires.saturating_add(young);
            }
            if slot.expires <= self.tick {
                slot.fail(Error::new(ErrorKind::Deadline(std::time::Duration::ZERO)));
                self.due.extend(slot.reader.take());
            }
        }
    }

    /// Ends the connection: every channel fails with `error`, and so does every later call.
    pub(crate) fn close(&mut self, error: &Error) {
        if self.closed.is_some() {
            return;
        }
        self.closed = Some(error.clone());
        for slot in self.own.iter_mut().chain(self.peers.values_mut()) {
            slot.end(error.clone(), &mut self.due);
        }
        self.due.append(&mut self.blocked);
        self.due.append(&mut self.flushers);
        self.due.append(&mut self.finishers);
    }

    /// Takes nothing more in and ends the channels that could last for ever; calls that run may finish.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        let error = Error::disconnected("the server shuts down");
        for slot in self.peers.values_mut() {
            slot.end(error.clone(), &mut self.due);
        }
    }

    /// Returns whether a connection that drains has nothing left to do.
    #[inline]
    pub(crate) fn is_drained(&self) -> bool {
        self.draining && self.running == 0 && self.pending.is_empty()
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(crate) fn closed(&self) -> Option<&Error> {
        self.closed.as_ref()
    }

    /// Takes the wakers that became due.
    #[inline]
    pub(crate) fn due(&mut self) -> &mut Vec<Waker> {
        &mut self.due
    }
}

/// Adds a waker, unless it is there already: a task may ask again before it is woken.
fn keep(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|known| known.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

#[cfg(test)]
mod tests;
