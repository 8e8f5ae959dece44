//! The open channels of one worker, and in which order their clients learn that it is gone.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use cocaine::Code;

/// Channels by their ids. When the worker is discarded, those whose clients still wait are told so one after the other.
#[derive(Debug, Default)]
pub(crate) struct Channels(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<u64, Channel>,
    verdict: Option<Code>,
}

#[derive(Debug)]
struct Channel {
    since: Instant,
    /// The client may still send.
    requests: bool,
    /// The worker may still answer.
    answers: bool,
    /// The client does not read: it is told when it does, and nobody waits for that.
    blocked: bool,
    /// Who waits to tell the client.
    turn: Option<Waker>,
}

/// One side of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Requests,
    Answers,
}

/// How many channels are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// On this many the client may still send.
    pub(crate) requests: usize,
    /// On this many the worker may still answer.
    pub(crate) answers: usize,
    pub(crate) total: usize,
    /// How long ago the oldest was opened.
    pub(crate) oldest: Duration,
}

impl Channels {
    /// Notes a channel that was opened.
    pub(crate) fn open(&self, id: u64, now: Instant) {
        let channel = Channel { since: now, requests: true, answers: true, blocked: false, turn: None };
        self.state().open.insert(id, channel);
    }

    /// Notes that one side of a channel has ended.
    pub(crate) fn end(&self, id: u64, side: Side) {
        let mut state = self.state();
        if let Some(channel) = state.open.get_mut(&id) {
            match side {
                Side::Requests => channel.requests = false,
                Side::Answers => channel.answers = false,
            }
        }
        state.pass_on();
    }

    /// Notes whether the client of a channel does not read.
    pub(crate) fn block(&self, id: u64, blocked: bool) {
        let mut state = self.state();
        if let Some(channel) = state.open.get_mut(&id) {
            channel.blocked = blocked;
        }
        state.pass_on();
    }

    /// Forgets a channel.
    pub(crate) fn close(&self, id: u64) {
        let mut state = self.state();
        state.open.remove(&id);
        state.pass_on();
    }

    /// Says why the worker is discarded; only the first reason counts.
    pub(crate) fn discard(&self, cause: Code) {
        let mut state = self.state();
        state.verdict.get_or_insert(cause);
        state.pass_on();
    }

    /// Returns why the worker is discarded, once it is and the clients of all earlier channels have been told.
    pub(crate) fn poll_turn(&self, id: u64, cx: &mut Context<'_>) -> Poll<Code> {
        let mut state = self.state();
        if let Some(cause) = state.verdict
            && state.next().is_none_or(|next| next >= id)
        {
            return Poll::Ready(cause);
        }
        if let Some(channel) = state.open.get_mut(&id) {
            channel.turn = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(crate) fn load(&self, now: Instant) -> Load {
        let state = self.state();
        let count = |open: fn(&Channel) -> bool| state.open.values().filter(|channel| open(channel)).count();
        let oldest = state.open.values().map(|channel| now.saturating_duration_since(channel.since)).max();
        Load {
            requests: count(|channel| channel.requests),
            answers: count(|channel| channel.answers),
            total: state.open.len(),
            oldest: oldest.unwrap_or_default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the first channel whose client waits for an answer.
    fn next(&self) -> Option<u64> {
        self.open.iter().find(|(_, channel)| channel.answers && !channel.blocked).map(|(id, _)| *id)
    }

    fn pass_on(&mut self) {
        if self.verdict.is_none() {
            return;
        }
        let Some(next) = self.next() else { return };
        if let Some(turn) = self.open.get_mut(&next).and_then(|channel| channel.turn.take()) {
            turn.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(channels: &Channels, id: u64) -> Poll<Code> {
        channels.poll_turn(id, &mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn clients_are_told_in_the_order_of_their_channels() {
        let (channels, now) = (Channels::default(), Instant::now());
        for id in [2, 3, 5, 9] {
            channels.open(id, now);
        }
        assert_eq!(turn(&channels, 2), Poll::Pending, "nobody is discarded");
        channels.discard(Code::EOF);
        channels.discard(Code::CANCELLED);
        assert_eq!(turn(&channels, 3), Poll::Pending);
        assert_eq!(turn(&channels, 2), Poll::Ready(Code::EOF));
        channels.close(2);
        channels.end(3, Side::Answers);
        assert_eq!(turn(&channels, 9), Poll::Pending);
        assert_eq!(turn(&channels, 5), Poll::Ready(Code::EOF), "who has an answer is not waited for");
        channels.close(5);
        assert_eq!(turn(&channels, 9), Poll::Ready(Code::EOF));
    }

    #[test]
    fn a_client_that_does_not_read_holds_up_nobody() {
        let (channels, now) = (Channels::default(), Instant::now());
        channels.open(2, now);
        channels.open(3, now);
        channels.block(2, true);
        channels.discard(Code::EOF);
        assert_eq!(turn(&channels, 3), Poll::Ready(Code::EOF));
        channels.block(2, false);
        assert_eq!(turn(&channels, 2), Poll::Ready(Code::EOF), "once it reads");
    }

    #[test]
    fn each_side_is_counted() {
        let (channels, now) = (Channels::default(), Instant::now());
        channels.open(2, now);
        channels.open(3, now + Duration::from_secs(1));
        channels.end(2, Side::Answers);
        let later = now + Duration::from_secs(5);
        let load = Load { requests: 2, answers: 1, total: 2, oldest: Duration::from_secs(5) };
        assert_eq!(channels.load(later), load);
        channels.close(2);
        assert_eq!(channels.load(later).oldest, Duration::from_secs(4));
    }
}
