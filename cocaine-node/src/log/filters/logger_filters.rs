//! The rules and counters of one logger.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{filter::LogMessage, rule::FilterRule};
use crate::metrics::Reading;

/// The rules of one logger; clones share the counters.
#[derive(Clone, Debug, Default)]
pub(super) struct LoggerFilters {
    pub(super) rules: Vec<FilterRule>,
    counts: Arc<FilterCounters>,
}

#[derive(Debug, Default)]
struct FilterCounters {
    accepted: AtomicU64,
    rejected: AtomicU64,
    /// The counts at the last change of the rules.
    accepted_before: AtomicU64,
    rejected_before: AtomicU64,
}

impl LoggerFilters {
    /// Returns whether an active rule matches the message, and counts it.
    pub(super) fn accept(&self, message: &LogMessage<'_>, now: u64) -> bool {
        let passes = self.rules.iter().any(|rule| rule.is_active(now) && rule.filter.matches(message));
        let count = if passes { &self.counts.accepted } else { &self.counts.rejected };
        count.fetch_add(1, Ordering::Relaxed);
        passes
    }

    /// Returns whether a rule is active.
    pub(super) fn is_active(&self, now: u64) -> bool {
        self.rules.iter().any(|rule| rule.is_active(now))
    }

    /// Restarts the counts since the last change of the rules.
    pub(super) fn reset_change_counters(&self) {
        let FilterCounters { accepted, rejected, accepted_before, rejected_before } = &*self.counts;
        accepted_before.store(accepted.load(Ordering::Relaxed), Ordering::Relaxed);
        rejected_before.store(rejected.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Appends the counters under the names of the original.
    pub(super) fn collect_metrics(&self, name: &str, readings: &mut Vec<Reading>) {
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
