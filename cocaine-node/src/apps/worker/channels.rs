//! The open channels of one worker, and the order in which their clients learn that it is discarded.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use cocaine::Code;

/// The channels of one worker, by id. When the worker is discarded, its waiting clients get their errors in this order.
#[derive(Debug, Default)]
pub(crate) struct WorkerChannels(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<u64, Channel>,
    /// Why the worker is discarded.
    discarded: Option<Code>,
}

#[derive(Debug)]
struct Channel {
    since: Instant,
    /// The client may still send.
    request_open: bool,
    /// The worker may still send.
    response_open: bool,
    /// The client does not read. It gets its error when it does, and the clients after it do not wait for that.
    blocked: bool,
    /// Wakes the event that waits to send the error.
    waker: Option<Waker>,
}

/// A direction of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
}

/// How many channels are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChannelLoad {
    /// Channels on which the client may still send.
    pub(crate) requests: usize,
    /// Channels on which the worker may still send.
    pub(crate) responses: usize,
    pub(crate) total: usize,
    /// The age of the oldest channel.
    pub(crate) oldest: Duration,
}

impl WorkerChannels {
    /// Adds a channel.
    pub(crate) fn open(&self, id: u64, now: Instant) {
        let channel =
            Channel { since: now, request_open: true, response_open: true, blocked: false, waker: None };
        self.state().open.insert(id, channel);
    }

    /// Adds a channel whose client has sent all that it sends, and never delays the errors of others.
    pub(crate) fn open_answering(&self, id: u64, now: Instant) {
        let channel =
            Channel { since: now, request_open: false, response_open: true, blocked: true, waker: None };
        self.state().open.insert(id, channel);
    }

    /// Marks one direction of a channel as finished.
    pub(crate) fn finish_direction(&self, id: u64, direction: Direction) {
        let mut state = self.state();
        if let Some(channel) = state.open.get_mut(&id) {
            match direction {
                Direction::Request => channel.request_open = false,
                Direction::Response => channel.response_open = false,
            }
        }
        state.wake_next();
    }

    /// Sets whether the client of a channel does not read.
    pub(crate) fn set_blocked(&self, id: u64, blocked: bool) {
        let mut state = self.state();
        if let Some(channel) = state.open.get_mut(&id) {
            channel.blocked = blocked;
        }
        state.wake_next();
    }

    /// Removes a channel.
    pub(crate) fn remove(&self, id: u64) {
        let mut state = self.state();
        state.open.remove(&id);
        state.wake_next();
    }

    /// Discards the worker; only the first cause counts.
    pub(crate) fn discard(&self, cause: Code) {
        let mut state = self.state();
        state.discarded.get_or_insert(cause);
        state.wake_next();
    }

    /// Returns why the worker is discarded, once it is and the clients of all earlier channels have their errors.
    pub(crate) fn poll_discarded(&self, id: u64, cx: &mut Context<'_>) -> Poll<Code> {
        let mut state = self.state();
        if let Some(cause) = state.discarded
            && state.first_waiting().is_none_or(|next| next >= id)
        {
            return Poll::Ready(cause);
        }
        if let Some(channel) = state.open.get_mut(&id) {
            channel.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(crate) fn load(&self, now: Instant) -> ChannelLoad {
        let state = self.state();
        let count = |open: fn(&Channel) -> bool| state.open.values().filter(|channel| open(channel)).count();
        let oldest = state.open.values().map(|channel| now.saturating_duration_since(channel.since)).max();
        ChannelLoad {
            requests: count(|channel| channel.request_open),
            responses: count(|channel| channel.response_open),
            total: state.open.len(),
            oldest: oldest.unwrap_or_default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the first channel whose client waits for an error.
    fn first_waiting(&self) -> Option<u64> {
        self.open.iter().find(|(_, channel)| channel.response_open && !channel.blocked).map(|(id, _)| *id)
    }

    fn wake_next(&mut self) {
        if self.discarded.is_none() {
            return;
        }
        let Some(next) = self.first_waiting() else { return };
        if let Some(waker) = self.open.get_mut(&next).and_then(|channel| channel.waker.take()) {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(channels: &WorkerChannels, id: u64) -> Poll<Code> {
        channels.poll_discarded(id, &mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn clients_get_errors_in_channel_order() {
        let (channels, now) = (WorkerChannels::default(), Instant::now());
        for id in [2, 3, 5, 9] {
            channels.open(id, now);
        }
        assert_eq!(poll(&channels, 2), Poll::Pending, "not discarded");
        channels.discard(Code::EOF);
        channels.discard(Code::CANCELLED);
        assert_eq!(poll(&channels, 3), Poll::Pending);
        assert_eq!(poll(&channels, 2), Poll::Ready(Code::EOF));
        channels.remove(2);
        channels.finish_direction(3, Direction::Response);
        assert_eq!(poll(&channels, 9), Poll::Pending);
        assert_eq!(poll(&channels, 5), Poll::Ready(Code::EOF), "a finished response is skipped");
        channels.remove(5);
        assert_eq!(poll(&channels, 9), Poll::Ready(Code::EOF));
    }

    #[test]
    fn client_that_does_not_read_delays_nobody() {
        let (channels, now) = (WorkerChannels::default(), Instant::now());
        channels.open(2, now);
        channels.open(3, now);
        channels.set_blocked(2, true);
        channels.discard(Code::EOF);
        assert_eq!(poll(&channels, 3), Poll::Ready(Code::EOF));
        channels.set_blocked(2, false);
        assert_eq!(poll(&channels, 2), Poll::Ready(Code::EOF), "once it reads");
    }

    #[test]
    fn each_direction_is_counted() {
        let (channels, now) = (WorkerChannels::default(), Instant::now());
        channels.open(2, now);
        channels.open(3, now + Duration::from_secs(1));
        channels.finish_direction(2, Direction::Response);
        let later = now + Duration::from_secs(5);
        let load = ChannelLoad { requests: 2, responses: 1, total: 2, oldest: Duration::from_secs(5) };
        assert_eq!(channels.load(later), load);
        channels.remove(2);
        assert_eq!(channels.load(later).oldest, Duration::from_secs(4));
    }
}
