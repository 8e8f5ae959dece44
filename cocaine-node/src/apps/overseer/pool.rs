//! How many workers an app has (`node.md` 5.2). No clock, no process: numbers in, numbers out.

use std::time::{Duration, Instant};

use crate::apps::profile::Profile;

/// What an app's workers have to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// Events that wait.
    pub(crate) queued: usize,
    /// Channels that are open to active workers.
    pub(crate) load: usize,
    /// Workers, whatever their state.
    pub(crate) pool: usize,
}

/// Returns how many workers there should be, between 1 and the profile's `pool-limit`. `manual` is what somebody who
/// controls the app asks for, 0 for nobody.
pub(crate) fn target(profile: &Profile, demand: Demand, manual: usize) -> usize {
    let (limit, threshold) = (number(profile.pool_limit), number(profile.grow_threshold));
    let wanted = if manual > 0 {
        manual
    } else if profile.queue_limit > 0 {
        demand.queued / threshold
    } else {
        let concurrency = number(profile.concurrency);
        let vacant = limit.saturating_mul(concurrency).saturating_sub(demand.load);
        demand.pool + demand.queued.saturating_sub(vacant).div_ceil(concurrency)
    };
    wanted.clamp(1, limit)
}

/// Returns whether one more event may wait (`node.md` 5.1).
pub(crate) fn admits(profile: &Profile, demand: Demand) -> bool {
    let room = match number(profile.queue_limit) {
        0 => {
            number(profile.pool_limit).saturating_mul(number(profile.concurrency)).saturating_sub(demand.load)
        }
        limit => limit,
    };
    demand.queued < room
}

fn number(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The time that has to pass after a worker has crashed before another is started.
#[derive(Debug, Default)]
pub(crate) struct CrashBackoff {
    delay: Duration,
    last: Option<Instant>,
    until: Option<Instant>,
}

impl CrashBackoff {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(32);

    /// Notes a crash; returns when workers may be started again, unless that is known already.
    pub(crate) fn crashed(&mut self, now: Instant) -> Option<Instant> {
        let recent = self.last.is_some_and(|last| now.saturating_duration_since(last) < Self::LONGEST);
        if self.is_running(now) {
            return None;
        }
        self.last = Some(now);
        self.delay = if recent { (self.delay * 2).min(Self::LONGEST) } else { Self::FIRST };
        self.until = Some(now + self.delay);
        self.until
    }

    /// Returns whether no worker may be started.
    pub(crate) fn is_running(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use cocaine::msgpack;

    use super::*;

    fn profile(entries: &[(&str, u32)]) -> Profile {
        let entries = entries.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Profile::read(&msgpack::to_vec(&cocaine::Value::Map(entries)).unwrap()).unwrap()
    }

    fn queued(queued: usize) -> Demand {
        Demand { queued, load: 0, pool: 0 }
    }

    #[test]
    fn with_defaults_a_second_worker_needs_ten_waiting_events() {
        let profile = profile(&[]);
        let targets = [0, 1, 9, 10, 15, 49, 50, 1000].map(|count| target(&profile, queued(count), 0));
        assert_eq!(targets, [1, 1, 1, 2, 3, 9, 10, 10]);
    }

    #[test]
    fn who_controls_the_app_decides() {
        let profile = profile(&[]);
        assert_eq!(target(&profile, queued(0), 3), 3);
        assert_eq!(target(&profile, queued(100), 3), 3);
        assert_eq!(target(&profile, queued(0), 99), 10);
    }

    #[test]
    fn without_a_queue_workers_are_added_for_what_the_others_cannot_take() {
        let profile = profile(&[("queue-limit", 0), ("pool-limit", 4), ("concurrency", 2)]);
        let demand = |queued, load, pool| Demand { queued, load, pool };
        assert_eq!(target(&profile, demand(1, 0, 0), 0), 1);
        assert_eq!(target(&profile, demand(3, 6, 2), 0), 3, "one lacks");
        assert!(admits(&profile, demand(0, 7, 4)));
        assert!(!admits(&profile, demand(1, 7, 4)));
        assert!(!admits(&profile, demand(0, 8, 4)));
    }

    #[test]
    fn the_queue_is_full_at_its_limit() {
        let profile = profile(&[("queue-limit", 2)]);
        assert!(admits(&profile, queued(1)));
        assert!(!admits(&profile, queued(2)));
    }

    #[test]
    fn crashes_in_a_row_are_paid_for_with_twice_the_time() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut backoff = CrashBackoff::default();
        assert_eq!(backoff.crashed(at(0)), Some(at(1)));
        assert_eq!(backoff.crashed(at(0)), None, "two at once count as one");
        assert!(backoff.is_running(start) && !backoff.is_running(at(1)));
        let times = [(1, 3), (3, 7), (7, 15), (15, 31), (31, 63), (63, 95)];
        // The last two are 32 seconds apart: no longer in a row would be more.
        for (now, until) in &times[..5] {
            assert_eq!(backoff.crashed(at(*now)), Some(at(*until)));
        }
        assert_eq!(backoff.crashed(at(62)), None);
        assert_eq!(backoff.crashed(at(64)), Some(at(65)), "the last crash was 33 seconds ago");
    }
}
