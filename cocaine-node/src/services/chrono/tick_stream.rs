//! What a timer streams: its id, each time that it fires.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use cocaine::{Result, Stream};
use cocaine_bindings::chrono::TimerId;
use tokio::{
    sync::oneshot,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    schedule::Schedule,
    timers::{Expiry, Order, Timers},
};

/// A timer that runs for as long as this is kept. Whoever does not read in time gets one tick for all that it has
/// missed.
#[derive(Debug)]
pub(super) struct Ticks {
    timers: Timers,
    pub(super) id: i64,
    schedule: Schedule,
    sleep: Pin<Box<Sleep>>,
    /// The id is to be said before the timer fires.
    announced: bool,
    ended: bool,
    /// Dropped with the rest, which tells whoever has cancelled the timer.
    _stays: oneshot::Sender<()>,
}

impl Ticks {
    pub(super) fn new(
        timers: Timers,
        id: i64,
        schedule: Schedule,
        announced: bool,
        stays: oneshot::Sender<()>,
    ) -> Self {
        let sleep = Box::pin(sleep_until(schedule.due()));
        Self { timers, id, schedule, sleep, announced, ended: false, _stays: stays }
    }

    /// Waits until the timer fires, and returns whether it does: a cancelled one never will.
    fn poll_fires(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            match self.timers.attend(self.id, cx.waker()) {
                Order::Wait => {}
                Order::Restart(now) => {
                    self.schedule.restart(now);
                    self.sleep.as_mut().reset(self.schedule.due());
                }
                Order::Cancel => return Poll::Ready(false),
            }
            ready!(self.sleep.as_mut().poll(cx));
            if self.schedule.fired(Instant::now()) {
                self.sleep.as_mut().reset(self.schedule.due());
                return Poll::Ready(true);
            }
            match self.timers.expire(self.id) {
                Expiry::Expired => {
                    self.ended = true;
                    return Poll::Ready(true);
                }
                Expiry::Restarted => {}
                Expiry::Cancelled => return Poll::Ready(false),
            }
        }
    }
}

impl Stream for Ticks {
    type Item = Result<TimerId>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let fires = mem::take(&mut self.announced) || (!self.ended && ready!(self.poll_fires(cx)));
        self.ended |= !fires;
        Poll::Ready(fires.then_some(Ok(TimerId(self.id))))
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        self.timers.forget(self.id);
    }
}
