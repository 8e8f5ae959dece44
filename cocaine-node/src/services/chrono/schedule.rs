//! Computes when a timer fires. It does not read a clock.

use std::time::Duration;

use tokio::time::Instant;

/// The next due time of a timer, and its period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    after: Duration,
    repeats: bool,
    due: Instant,
}

/// A number of seconds is not a valid time for a timer.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a valid time for a timer: use seconds, up to 31536000 (365 days)")]
pub(super) struct InvalidTimeError(f64);

impl Schedule {
    /// The longest time of a timer.
    const LONGEST: Duration = Duration::from_hours(365 * 24);
    /// The shortest period: the resolution of the runtime's timers.
    const SHORTEST: Duration = Duration::from_millis(1);

    /// Fires once, `seconds` after `now`. Like the original it fires at once if they are 0 or negative.
    pub(super) fn once(seconds: f64, now: Instant) -> Result<Self, InvalidTimeError> {
        let after = time(seconds)?;
        Ok(Self { after, repeats: false, due: now + after })
    }

    /// Fires every `seconds` after `now`. Like the original it fires once, at once, if they are 0 or negative.
    pub(super) fn periodic(seconds: f64, now: Instant) -> Result<Self, InvalidTimeError> {
        if seconds <= 0.0 {
            return Self::once(seconds, now);
        }
        let after = time(seconds)?.max(Self::SHORTEST);
        Ok(Self { after, repeats: true, due: now + after })
    }

    /// Returns the time at which it fires.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Restarts the time at `now`.
    pub(super) fn restart(&mut self, now: Instant) {
        self.due = now + self.after;
    }

    /// Advances to the next due time after the timer has fired, and returns whether there is one. It is a whole number
    /// of periods after the last: a late tick does not delay later ones, and missed ticks are skipped.
    pub(super) fn advance(&mut self, now: Instant) -> bool {
        if self.repeats {
            let late = now.saturating_duration_since(self.due).as_nanos() % self.after.as_nanos();
            let late = Duration::from_nanos(u64::try_from(late).unwrap_or_default());
            self.due = now.max(self.due) + self.after.saturating_sub(late);
        }
        self.repeats
    }
}

fn time(seconds: f64) -> Result<Duration, InvalidTimeError> {
    if seconds <= 0.0 {
        return Ok(Duration::ZERO);
    }
    let time = Duration::try_from_secs_f64(seconds).ok();
    time.filter(|time| *time <= Schedule::LONGEST).ok_or(InvalidTimeError(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn negative_seconds_fire_at_once() {
        let now = Instant::now();
        for seconds in [0.0, -0.0, -1.5, f64::MIN, f64::NEG_INFINITY, -f64::MIN_POSITIVE] {
            let mut once = Schedule::once(seconds, now).unwrap();
            assert_eq!(once.due(), now, "{seconds}");
            assert!(!once.advance(now));
            assert_eq!(Schedule::periodic(seconds, now).unwrap(), once, "{seconds}");
        }
    }

    #[test]
    fn invalid_seconds_are_refused() {
        let now = Instant::now();
        for seconds in [f64::NAN, f64::INFINITY, f64::MAX, 31_536_001.0] {
            let refused = Schedule::once(seconds, now).unwrap_err().to_string();
            assert!(refused.ends_with("use seconds, up to 31536000 (365 days)"), "{refused}");
            Schedule::periodic(seconds, now).unwrap_err();
        }
        assert_eq!(Schedule::once(31_536_000.0, now).unwrap().due() - now, Schedule::LONGEST);
    }

    #[test]
    fn periods_are_at_least_a_millisecond() {
        let now = Instant::now();
        for seconds in [f64::MIN_POSITIVE, 1e-9, 0.0005] {
            let mut fast = Schedule::periodic(seconds, now).unwrap();
            assert_eq!(fast.due(), now + MS);
            assert!(fast.advance(now + MS));
            assert_eq!(fast.due(), now + 2 * MS);
        }
    }

    #[test]
    fn late_tick_does_not_shift_the_next() {
        let start = Instant::now();
        let mut ticks = Schedule::periodic(0.1, start).unwrap();
        assert!(ticks.advance(start + 130 * MS));
        assert_eq!(ticks.due(), start + 200 * MS);
        assert!(ticks.advance(start + 1000 * MS));
        assert_eq!(ticks.due(), start + 1100 * MS, "what was missed is left out");
        ticks.restart(start + 1050 * MS);
        assert_eq!(ticks.due(), start + 1150 * MS);
    }

    proptest! {
        #[test]
        fn every_due_time_is_on_grid(
            period in 1u32..100_000,
            delays in prop::collection::vec(0u32..1_000_000, 1..50),
        ) {
            let start = Instant::now();
            let period = MS * period;
            let mut ticks = Schedule::periodic(period.as_secs_f64(), start).unwrap();
            for delay in delays {
                let now = ticks.due() + MS * delay;
                prop_assert!(ticks.advance(now));
                prop_assert!(ticks.due() > now && ticks.due() - now <= ticks.after);
                prop_assert_eq!((ticks.due() - start).as_nanos() % ticks.after.as_nanos(), 0);
            }
        }
    }
}
