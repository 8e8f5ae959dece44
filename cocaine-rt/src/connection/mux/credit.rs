//! The credit of a channel: how much each side may still send before the other has read (`protocol.md` 14).

use std::task::Waker;

use crate::protocol::credit::UNLIMITED;

/// The credit of one channel, in both directions.
///
/// ```text
///   Off                     the peer has not offered any, and this side sends as the socket takes it
///   Offered ── grant ──> On
/// ```
#[derive(Debug, Default)]
pub(super) struct Credit {
    state: CreditState,
    /// The bytes that this side may send. Below zero after a message that was larger than the rest; while this side has
    /// only offered credit, what it has sent.
    available: i64,
    /// The bytes that were read since the last grant to the peer.
    consumed: u64,
    /// The sender, while it waits for credit.
    sender: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CreditState {
    #[default]
    Off,
    Offered,
    On,
    /// The peer may send without limit, since what it sends is dropped.
    Unlimited,
}

impl Credit {
    /// Returns the credit of a channel whose opener offers some and awaits the answer.
    pub(super) fn offered() -> Self {
        Self { state: CreditState::Offered, ..Self::default() }
    }

    /// Returns the credit of a channel whose opener has offered `window`.
    pub(super) fn accepted(window: u64) -> Self {
        Self { state: CreditState::On, available: signed(window), ..Self::default() }
    }

    /// Returns whether this side has offered or accepted credit.
    #[inline]
    pub(super) fn is_off(&self) -> bool {
        self.state == CreditState::Off
    }

    /// Returns whether the peer sends no more than it was granted.
    pub(super) fn is_on(&self) -> bool {
        self.state == CreditState::On
    }

    /// Returns whether the sender has to wait for a grant.
    #[inline]
    pub(super) fn is_exhausted(&self) -> bool {
        matches!(self.state, CreditState::On | CreditState::Unlimited) && self.available <= 0
    }

    /// Returns the bytes that may be sent before the sender has to wait.
    pub(super) fn available(&self) -> u64 {
        match self.state {
            CreditState::Off | CreditState::Offered => u64::MAX,
            CreditState::On | CreditState::Unlimited => u64::try_from(self.available).unwrap_or(0),
        }
    }

    /// Subtracts a message that is sent.
    #[inline]
    pub(super) fn spend(&mut self, cost: u64) {
        if !self.is_off() {
            self.available = self.available.saturating_sub(signed(cost));
        }
    }

    /// Adds what the peer has granted, and returns the sender that waited for it.
    pub(super) fn add(&mut self, bytes: u64) -> Option<Waker> {
        if self.state == CreditState::Offered {
            self.state = CreditState::On;
        }
        self.available = self.available.saturating_add(signed(bytes));
        if self.available > 0 { self.sender.take() } else { None }
    }

    /// Notes that a message was read, and returns what is to be granted: half a window at a time.
    #[inline]
    pub(super) fn consume(&mut self, cost: u64, window: u64) -> Option<u64> {
        if self.state == CreditState::Off {
            return None;
        }
        self.consumed = self.consumed.saturating_add(cost);
        let is_due = self.state == CreditState::On && self.consumed > window / 2;
        is_due.then(|| std::mem::take(&mut self.consumed))
    }

    /// Ends the counting of what the peer sends; returns what is to be granted, so that a peer without credit goes on to
    /// the end of its stream.
    pub(super) fn lift(&mut self) -> Option<u64> {
        let was_on = self.state == CreditState::On;
        if was_on {
            self.state = CreditState::Unlimited;
        }
        was_on.then_some(UNLIMITED)
    }

    /// Registers the sender, which waits for credit.
    pub(super) fn wait(&mut self, sender: &Waker) {
        if !self.sender.as_ref().is_some_and(|known| known.will_wake(sender)) {
            self.sender = Some(sender.clone());
        }
    }

    /// Returns the sender that waits, because the channel has ended.
    pub(super) fn take_sender(&mut self) -> Option<Waker> {
        self.sender.take()
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
