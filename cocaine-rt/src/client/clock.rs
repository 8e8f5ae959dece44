//! Deadlines that cannot overflow.

use std::time::Duration;

use tokio::time::Instant;

/// Returns the time after `duration`, or in a year if that is longer.
pub(crate) fn after(duration: Duration) -> Instant {
    const LONGEST: Duration = Duration::from_hours(24 * 365);
    Instant::now() + duration.min(LONGEST)
}
