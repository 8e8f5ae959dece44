//! The filters of one logger, and what they let pass.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{filter::LogMessage, rule::FilterRule};
use crate::metrics::Reading;

/// The filters of one logger; clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct LoggerFilters {
    pub(super) rules: Vec<FilterRule>,
    counts: Arc<FilterCounters>,
}

#[derive(Debug, Default)]
struct FilterCounters {
    accepted: AtomicU64,
    rejected: AtomicU64,
    /// How many there were when the filters were changed.
    accepted_before: AtomicU64,
    rejected_before: AtomicU64,
}

impl LoggerFilters {
    /// Returns whether a message passes: one filter in force lets it. FilterCounters it.
    pub(super) fn pass(&self, message: &LogMessage<'_>, now: u64) -> bool {
        let passes = self.rules.iter().any(|rule| rule.lives(now) && rule.filter.passes(message));
        let count = if passes { &self.counts.accepted } else { &self.counts.rejected };
        count.fetch_add(1, Ordering::Relaxed);
        passes
    }

    /// Returns whether a filter is in force.
    pub(super) fn lives(&self, now: u64) -> bool {
        self.rules.iter().any(|rule| rule.lives(now))
    }

    /// Notes that the filters are others from now on.
    pub(super) fn changed(&self) {
        let FilterCounters { accepted, rejected, accepted_before, rejected_before } = &*self.counts;
        accepted_before.store(accepted.load(Ordering::Relaxed), Ordering::Relaxed);
        rejected_before.store(rejected.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Adds what was counted, by the names of the original.
    pub(super) fn measure(&self, name: &str, readings: &mut Vec<Reading>) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &*self.counts;
        let (accepted, rejected) = (read(&counts.accepted), read(&counts.rejected));
        let kinds = [
            ("accepted", accepted, read(&counts.accepted_before)),
            ("rejected", rejected, read(&counts.rejected_before)),
        ];
        for (kind, count, before) in kinds {
            let since_change = count.saturating_sub(before);
            readings.extend([
                Reading::counter(format!("logging.{name}.{kind}.count"), count),
                Reading::counter(format!("logging.{name}.{kind}.count_since_change"), since_change),
            ]);
        }
        readings.push(Reading::counter(format!("logging.{name}.sum.count"), accepted + rejected));
    }
}
