//! The clock of a connection that has channels with deadlines.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep};

use crate::connection::{handle::SharedConnection, mux::TICK};

/// Counts the ticks of a connection while one of its channels has a deadline.
///
/// The timer outlives the last of these channels by at most a tick, so that calls in succession share it.
#[derive(Debug, Default)]
pub(super) struct Ticker {
    timer: Option<Pin<Box<Sleep>>>,
}

impl Ticker {
    /// Expires the deadlines that have passed, and starts or stops the timer. Returns how many ticks have passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, conn: &SharedConnection) -> u64 {
        let has_deadlines = conn.lock().update_ticking(self.timer.is_some());
        let Some(timer) = &mut self.timer else {
            if has_deadlines {
                self.start(cx);
            }
            return 0;
        };
        // The timer wakes this task when it elapses; no need to poll it before.
        if !timer.is_elapsed() {
            return 0;
        }
        // A busy task comes late, and catches up on the ticks that it has missed.
        let delay = Instant::now().saturating_duration_since(timer.deadline());
        let ticks = 1 + delay.as_millis() / TICK.as_millis();
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
        conn.with(|mux| mux.expire(ticks));
        if has_deadlines {
            self.start(cx);
        } else {
            self.timer = None;
            conn.lock().update_ticking(false);
        }
        ticks
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(TICK)));
        timer.as_mut().reset(Instant::now() + TICK);
        if let Poll::Ready(()) = timer.as_mut().poll(cx) {
            cx.waker().wake_by_ref();
        }
    }
}
