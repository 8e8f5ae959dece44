//! Finds connections that hold memory which others wait for, and make no progress.

use std::time::Duration;

use crate::{connection::mux::TICK, protocol::memory::MemoryBudget};

/// Measures the progress of a connection in windows as long as the stall time-out, while memory is scarce.
#[derive(Debug, Default)]
pub(super) struct StallWatch {
    /// The ticks since the window began; 0 while memory is not scarce.
    ticks: u64,
    /// The bytes that had been read and written when the window began.
    read: u64,
    written: u64,
    /// The room of the frame under way, and the output to be written, when the window began.
    room: usize,
    output: usize,
}

/// The state of a connection's socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct SocketProgress {
    /// The bytes that were read and written in all.
    pub(super) read: u64,
    pub(super) written: u64,
    /// The room of the frame under way.
    pub(super) room: usize,
    /// The output that the socket has not accepted yet.
    pub(super) output: usize,
}

/// What makes too little progress: the bytes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stall {
    Input(usize),
    Output(usize),
}

impl StallWatch {
    /// The part of what is under way that has to make progress in a window.
    const PART: u64 = 16;

    /// Begins again, since memory is not scarce.
    pub(super) fn reset(&mut self) {
        self.ticks = 0;
    }

    /// Notes that `ticks` have passed; returns what has made too little progress in a whole window.
    pub(super) fn advance(&mut self, ticks: u64, window: Duration, now: SocketProgress) -> Option<Stall> {
        if self.ticks == 0 {
            self.begin(ticks, now);
            return None;
        }
        self.ticks = self.ticks.saturating_add(ticks);
        if u128::from(self.ticks) * TICK.as_millis() <= window.as_millis() {
            return None;
        }
        let is_slow = |moved: u64, bytes: usize| moved.saturating_mul(Self::PART) < bytes as u64;
        let room = self.room.min(now.room);
        let output = self.output.min(now.output);
        let stall = if room > 0 && is_slow(now.read - self.read, room) {
            Some(Stall::Input(room))
        } else if output > MemoryBudget::UNCOUNTED_BYTES && is_slow(now.written - self.written, output) {
            Some(Stall::Output(output))
        } else {
            None
        };
        self.begin(1, now);
        stall
    }

    fn begin(&mut self, ticks: u64, now: SocketProgress) {
        let SocketProgress { read, written, room, output } = now;
        *self = Self { ticks, read, written, room, output };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(3);

    fn socket(read: u64, room: usize, written: u64, output: usize) -> SocketProgress {
        SocketProgress { read, written, room, output }
    }

    #[test]
    fn sixteenth_of_a_window_is_progress() {
        for (read, stall) in [(0, Some(Stall::Input(1600))), (99, Some(Stall::Input(1600))), (100, None)] {
            let mut watch = StallWatch::default();
            assert_eq!(watch.advance(1, WINDOW, socket(5, 1600, 0, 0)), None);
            assert_eq!(watch.advance(29, WINDOW, socket(5, 1600, 0, 0)), None);
            assert_eq!(watch.advance(1, WINDOW, socket(5 + read, 1600, 0, 0)), stall, "{read}");
        }
    }

    #[test]
    fn only_what_lasts_for_a_window_stalls() {
        let mut watch = StallWatch::default();
        watch.advance(1, WINDOW, socket(0, 0, 0, 0));
        assert_eq!(watch.advance(40, WINDOW, socket(0, 1600, 0, 80_000)), None, "both have just begun");
        assert_eq!(watch.advance(40, WINDOW, socket(0, 0, 0, 80_000)), Some(Stall::Output(80_000)));
        watch.reset();
        assert_eq!(watch.advance(40, WINDOW, socket(0, 0, 0, 80_000)), None, "memory was not scarce");
        assert_eq!(watch.advance(40, WINDOW, socket(0, 0, 5000, 80_000)), None);
    }
}
