//! The stream of a timer: its id, each time that it fires.

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
    timers::{ExpireOutcome, TimerCommand, TimerLimitError, Timers},
};

/// A running timer, which ends when the stream is dropped. A reader that is late gets one tick for all that it missed.
#[derive(Debug)]
pub(super) struct TickStream {
    timers: Timers,
    pub(super) id: i64,
    schedule: Schedule,
    sleep: Pin<Box<Sleep>>,
    /// The id is yet to be sent ahead of the first tick.
    announce_id: bool,
    ended: bool,
    /// Dropped with the stream, which completes the `cancel` that waits for its end.
    _close_guard: oneshot::Sender<()>,
}

impl TickStream {
    /// Starts a timer of a client. With `announce_id` the stream begins with the timer's id.
    pub(super) fn start(
        timers: &Timers,
        client: &str,
        schedule: Schedule,
        announce_id: bool,
    ) -> Result<Self, TimerLimitError> {
        let (close_guard, stream_closed) = oneshot::channel();
        let id = timers.add(client, stream_closed)?;
        let sleep = Box::pin(sleep_until(schedule.due()));
        Ok(Self {
            timers: timers.clone(),
            id,
            schedule,
            sleep,
            announce_id,
            ended: false,
            _close_guard: close_guard,
        })
    }

    /// Polls until the timer fires. Returns `false` if it was cancelled.
    fn poll_fires(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            match self.timers.poll_command(self.id, cx.waker()) {
                TimerCommand::Wait => {}
                TimerCommand::Restart(now) => {
                    self.schedule.restart(now);
                    self.sleep.as_mut().reset(self.schedule.due());
                }
                TimerCommand::Cancel => return Poll::Ready(false),
            }
            ready!(self.sleep.as_mut().poll(cx));
            if self.schedule.advance(Instant::now()) {
                self.sleep.as_mut().reset(self.schedule.due());
                return Poll::Ready(true);
            }
            match self.timers.expire(self.id) {
                ExpireOutcome::Expired => {
                    self.ended = true;
                    return Poll::Ready(true);
                }
                ExpireOutcome::Restarted => {}
                ExpireOutcome::Cancelled => return Poll::Ready(false),
            }
        }
    }
}

impl Stream for TickStream {
    type Item = Result<TimerId>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let fires = mem::take(&mut self.announce_id) || (!self.ended && ready!(self.poll_fires(cx)));
        self.ended |= !fires;
        Poll::Ready(fires.then_some(Ok(TimerId(self.id))))
    }
}

impl Drop for TickStream {
    fn drop(&mut self) {
        self.timers.remove(self.id);
    }
}

#[cfg(test)]
mod tests;
