//! How many workers an app has (`node.md` 5.2): pure functions of numbers.

use std::time::{Duration, Instant};

use crate::apps::profile::Profile;

/// The work of an app's workers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// Queued events.
    pub(super) queued: usize,
    /// Channels that are open to active workers.
    pub(super) load: usize,
    /// Workers in any state.
    pub(super) pool: usize,
}

/// Returns how many workers there should be, between 1 and the profile's `pool-limit`. `manual` is the number that a
/// controlling client wants, 0 without one.
pub(super) fn target_size(profile: &Profile, demand: Demand, manual: usize) -> usize {
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

/// How many workers of an app start at once: each is a process, and they compete until they have connected.
const MAX_STARTING: usize = 32;

/// Returns how many workers can be started now, of `starting` that have not connected among the `pool`.
pub(super) fn startable(target: usize, pool: usize, starting: usize) -> usize {
    target.saturating_sub(pool).min(MAX_STARTING.saturating_sub(starting))
}

/// Returns whether the queue has room for one more event (`node.md` 5.1).
pub(super) fn has_room(profile: &Profile, demand: Demand) -> bool {
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

/// Delays the start of workers that crash again and again. The first crash of a worker is followed by another one at once; a
/// delay begins when that crashes too, and doubles while crashes follow each other.
#[derive(Debug, Default)]
pub(super) struct CrashBackoff {
    delay: Duration,
    /// The last crash, but for those during a delay.
    last: Option<Instant>,
    until: Option<Instant>,
    /// The crashed workers in whose place no other was started.
    unreplaced: usize,
    /// Those among them that are replaced even while a delay runs.
    replaced_at_once: usize,
}

impl CrashBackoff {
    const MIN_DELAY: Duration = Duration::from_secs(1);
    const MAX_DELAY: Duration = Duration::from_secs(32);

    /// Records a crash. `is_replacement` is what [`CrashBackoff::record_start`] has returned for the worker. Returns when
    /// workers may be started again, unless they may be at once or a delay is running already.
    pub(super) fn record_crash(&mut self, now: Instant, is_replacement: bool) -> Option<Instant> {
        let is_running = self.is_running(now);
        let is_recent = self.is_recent(now);
        if !is_recent && !is_running {
            *self = Self::default();
        }
        self.unreplaced += 1;
        if !(is_recent && is_replacement) {
            self.replaced_at_once += 1;
        }
        if is_running {
            return None;
        }
        self.last = Some(now);
        if !(is_recent && is_replacement) {
            return None;
        }
        self.delay = (self.delay * 2).clamp(Self::MIN_DELAY, Self::MAX_DELAY);
        self.until = Some(now + self.delay);
        self.until
    }

    /// Records the start of a worker. Returns whether it takes the place of one that has crashed.
    pub(super) fn record_start(&mut self, now: Instant) -> bool {
        let is_replacement = self.unreplaced > 0 && self.is_recent(now);
        self.unreplaced = self.unreplaced.saturating_sub(1);
        self.replaced_at_once = self.replaced_at_once.saturating_sub(1);
        is_replacement
    }

    /// Returns whether a worker may be started.
    pub(super) fn can_start(&self, now: Instant) -> bool {
        self.replaced_at_once > 0 || !self.is_running(now)
    }

    fn is_running(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    fn is_recent(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.saturating_duration_since(last) < Self::MAX_DELAY)
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
    fn second_worker_needs_ten_queued_events() {
        let profile = profile(&[]);
        let targets = [0, 1, 9, 10, 15, 49, 50, 1000].map(|count| target_size(&profile, queued(count), 0));
        assert_eq!(targets, [1, 1, 1, 2, 3, 9, 10, 10]);
    }

    #[test]
    fn manual_target_overrides_the_queue() {
        let profile = profile(&[]);
        assert_eq!(target_size(&profile, queued(0), 3), 3);
        assert_eq!(target_size(&profile, queued(100), 3), 3);
        assert_eq!(target_size(&profile, queued(0), 99), 10);
    }

    #[test]
    fn without_a_queue_workers_match_excess_events() {
        let profile = profile(&[("queue-limit", 0), ("pool-limit", 4), ("concurrency", 2)]);
        let demand = |queued, load, pool| Demand { queued, load, pool };
        assert_eq!(target_size(&profile, demand(1, 0, 0), 0), 1);
        assert_eq!(target_size(&profile, demand(3, 6, 2), 0), 3, "one more is needed");
        assert!(has_room(&profile, demand(0, 7, 4)));
        assert!(!has_room(&profile, demand(1, 7, 4)));
        assert!(!has_room(&profile, demand(0, 8, 4)));
    }

    #[test]
    fn few_of_very_many_workers_start_at_once() {
        assert_eq!(startable(10, 0, 0), 10);
        assert_eq!(startable(2_147_483_647, 0, 0), 32);
        assert_eq!(startable(2_147_483_647, 32, 30), 2);
        assert_eq!(startable(100, 99, 0), 1);
        assert_eq!([startable(100, 40, 32), startable(5, 9, 0)], [0, 0]);
    }

    #[test]
    fn queue_is_full_at_its_limit() {
        let profile = profile(&[("queue-limit", 2)]);
        assert!(has_room(&profile, queued(1)));
        assert!(!has_room(&profile, queued(2)));
    }

    /// Records a crash, and the start of another worker when there may be one.
    fn crash_and_restart(backoff: &mut CrashBackoff, now: Instant, is_replacement: bool) -> Option<Instant> {
        let until = backoff.record_crash(now, is_replacement);
        assert_eq!(backoff.can_start(now), !backoff.is_running(now));
        backoff.record_start(until.unwrap_or(now));
        until
    }

    #[test]
    fn delay_doubles_from_second_crash_on() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut backoff = CrashBackoff::default();
        assert!(!backoff.record_start(start));
        assert_eq!(backoff.record_crash(start, false), None, "the first one is replaced at once");
        assert!(backoff.can_start(start) && backoff.record_start(start));
        assert_eq!(crash_and_restart(&mut backoff, start, true), Some(at(1)));
        assert_eq!(crash_and_restart(&mut backoff, start, true), None, "the delay is running");
        assert!(!backoff.can_start(start) && backoff.can_start(at(1)));
        let times = [(1, 3), (3, 7), (7, 15), (15, 31), (31, 63)];
        // Crashes 32 seconds apart are still consecutive.
        for (now, until) in times {
            assert_eq!(crash_and_restart(&mut backoff, at(now), true), Some(at(until)));
        }
        assert_eq!(crash_and_restart(&mut backoff, at(62), true), None);
        assert_eq!(crash_and_restart(&mut backoff, at(64), true), None, "the last crash was 33 seconds ago");
        assert!(backoff.can_start(at(64)));
        assert_eq!(crash_and_restart(&mut backoff, at(64), true), Some(at(65)));
    }

    #[test]
    fn simultaneous_first_crashes_are_replaced_at_once() {
        let now = Instant::now();
        let mut backoff = CrashBackoff::default();
        assert_eq!([false; 3].map(|first| backoff.record_crash(now, first)), [None; 3]);
        assert_eq!([(); 4].map(|()| backoff.record_start(now)), [true, true, true, false]);
        let until = backoff.record_crash(now, true).expect("the second crash of one of them");
        assert!(!backoff.can_start(now));
        assert_eq!(backoff.record_crash(now, false), None, "the first crash of the fourth");
        assert!(backoff.can_start(now) && backoff.record_start(now));
        assert!(!backoff.can_start(now), "the other has to wait");
        assert!(backoff.can_start(until) && backoff.record_start(until));
        assert_eq!(backoff.record_crash(until, true), Some(until + Duration::from_secs(2)));
    }
}
