use std::{collections::BTreeSet, task::Waker, time::Duration};

use cocaine_bindings::chrono::TimerId;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{advance, sleep};

use super::*;
use crate::services::chrono::config::TimerLimits;

const SECOND: Duration = Duration::from_secs(1);

fn timers() -> Timers {
    Timers::new(TimerLimits { timers: 100, client_timers: 50 })
}

fn once(timers: &Timers, seconds: f64) -> TickStream {
    TickStream::start(timers, "a client", Schedule::once(seconds, Instant::now()).unwrap(), false).unwrap()
}

fn periodic(timers: &Timers, seconds: f64) -> TickStream {
    TickStream::start(timers, "a client", Schedule::periodic(seconds, Instant::now()).unwrap(), false)
        .unwrap()
}

/// Returns the id of the next tick.
async fn tick(ticks: &mut TickStream) -> i64 {
    let TimerId(id) = ticks.next().await.expect("a tick").unwrap();
    id
}

#[tokio::test(start_paused = true)]
async fn one_shot_timer_fires_once() {
    let (timers, start) = (timers(), Instant::now());
    let mut ticks = once(&timers, 0.2);
    let id = tick(&mut ticks).await;
    assert_eq!(start.elapsed(), Duration::from_millis(200));
    assert!(!timers.restart(id), "it has expired");
    assert!(timers.cancel(id, "a client").is_none());
    assert!(ticks.next().await.is_none());
    assert!(ticks.next().await.is_none(), "the end is final");
    assert_eq!(start.elapsed(), Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn zero_seconds_fire_at_once() {
    let (timers, start) = (timers(), Instant::now());
    for mut ticks in [once(&timers, 0.0), once(&timers, -3.0), periodic(&timers, 0.0)] {
        tick(&mut ticks).await;
        assert!(ticks.next().await.is_none());
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn announced_timer_sends_id_first() {
    let (timers, start) = (timers(), Instant::now());
    let schedule = Schedule::once(1.0, start).unwrap();
    let mut ticks = TickStream::start(&timers, "a client", schedule, true).unwrap();
    let id = tick(&mut ticks).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(tick(&mut ticks).await, id);
    assert_eq!(start.elapsed(), SECOND);
    assert!(ticks.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn period_does_not_drift() {
    let (timers, start) = (timers(), Instant::now());
    let mut ticks = periodic(&timers, 1.0);
    for seconds in (1..20).step_by(2) {
        tick(&mut ticks).await;
        assert_eq!(start.elapsed(), seconds * SECOND, "on time, although the last tick was read late");
        advance(SECOND * 3 / 2).await;
        tick(&mut ticks).await;
        assert_eq!(start.elapsed(), seconds * SECOND + SECOND * 3 / 2, "late");
    }
}

#[tokio::test(start_paused = true)]
async fn missed_ticks_are_merged_into_one() {
    let (timers, start) = (timers(), Instant::now());
    let mut ticks = periodic(&timers, 0.001);
    advance(1000 * SECOND).await;
    tick(&mut ticks).await;
    assert!(ticks.next().now_or_never().is_none(), "missed ticks are merged");
    tick(&mut ticks).await;
    assert_eq!(start.elapsed(), 1000 * SECOND + SECOND / 1000);
}

#[tokio::test(start_paused = true)]
async fn restarted_timer_runs_its_full_time() {
    let (timers, start) = (timers(), Instant::now());
    let mut ticks =
        TickStream::start(&timers, "a client", Schedule::once(1.0, start).unwrap(), true).unwrap();
    let id = tick(&mut ticks).await;
    let restarting = async {
        for _ in 0..3 {
            sleep(SECOND * 3 / 4).await;
            assert!(timers.restart(id));
        }
    };
    tokio::join!(restarting, async {
        assert_eq!(tick(&mut ticks).await, id);
        assert_eq!(start.elapsed(), SECOND * 13 / 4);
    });
}

/// A restart between the last poll and the expiry of a timer is not lost.
#[tokio::test(start_paused = true)]
async fn restart_before_expiry_is_not_lost() {
    let timers = timers();
    let ticks = once(&timers, 1.0);
    let id = ticks.id;
    assert!(timers.restart(id));
    assert_eq!(timers.expire(id), ExpireOutcome::Restarted);
    assert!(matches!(timers.poll_command(id, Waker::noop()), TimerCommand::Restart(_)));
    assert_eq!(timers.poll_command(id, Waker::noop()), TimerCommand::Wait);
    assert_eq!(timers.expire(id), ExpireOutcome::Expired);
    assert_eq!(timers.expire(id), ExpireOutcome::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn restarted_period_begins_anew() {
    let (timers, start) = (timers(), Instant::now());
    let mut ticks = periodic(&timers, 1.0);
    let id = tick(&mut ticks).await;
    advance(SECOND / 2).await;
    assert!(timers.restart(id));
    tick(&mut ticks).await;
    assert_eq!(start.elapsed(), SECOND * 5 / 2);
}

#[tokio::test(start_paused = true)]
async fn cancel_waits_for_end_of_stream() {
    let (timers, start) = (timers(), Instant::now());
    let mut ticks =
        TickStream::start(&timers, "a client", Schedule::once(1.0, start).unwrap(), true).unwrap();
    let id = tick(&mut ticks).await;
    let cancelling = async {
        sleep(SECOND / 2).await;
        let closed = timers.cancel(id, "a client").expect("the timer belongs to this client");
        assert!(!timers.restart(id));
        let _ = closed.await;
        Instant::now()
    };
    let reading = async {
        assert!(ticks.next().await.is_none());
        assert_eq!(start.elapsed(), SECOND / 2, "the cancellation wakes the reader");
        // The answer waits for the stream to be closed, and not only for its last item.
        sleep(SECOND).await;
        drop(ticks);
    };
    let (cancelled, ()) = tokio::join!(cancelling, reading);
    assert_eq!(cancelled - start, SECOND * 3 / 2);
}

#[tokio::test(start_paused = true)]
async fn cancel_by_other_client_does_not_wait() {
    let timers = timers();
    let ticks = once(&timers, 1.0);
    assert!(timers.cancel(ticks.id, "another client").is_none());
    assert!(!timers.restart(ticks.id), "it is cancelled all the same");
}

#[tokio::test(start_paused = true)]
async fn timers_are_limited_per_client_and_total() {
    let timers = Timers::new(TimerLimits { timers: 3, client_timers: 2 });
    let start =
        |client| TickStream::start(&timers, client, Schedule::once(1.0, Instant::now()).unwrap(), false);
    let mut first = start("a").unwrap();
    let second = start("a").unwrap();
    assert_eq!(start("a").unwrap_err(), TimerLimitError::Client(2));
    let _third = start("b").unwrap();
    assert_eq!(start("b").unwrap_err(), TimerLimitError::All(3));
    assert_eq!(start("c").unwrap_err(), TimerLimitError::All(3));
    drop(second);
    let fourth = start("a").expect("a dropped timer frees its place");
    tick(&mut first).await;
    let _fifth = start("a").expect("an expired timer frees its place");
    timers.cancel(fourth.id, "b");
    let _sixth = start("a").expect("a cancelled timer frees its place");
    assert_eq!(start("a").unwrap_err(), TimerLimitError::All(3));
}

#[tokio::test]
async fn timer_ids_are_unique_53_bit_numbers() {
    let timers = Timers::new(TimerLimits { timers: 2000, client_timers: 2000 });
    let ticks: Vec<_> = (0..2000).map(|_| once(&timers, 1.0)).collect();
    let ids: BTreeSet<_> = ticks.iter().map(|ticks| ticks.id).collect();
    assert_eq!(ids.len(), 2000);
    assert!(ids.iter().all(|id| (0..1 << 53).contains(id)));
    // All of their bits are used: the chance that one of them is not is below 2^-1900.
    let all = ids.iter().fold(0, |all, id| all | id);
    assert_eq!(all, (1 << 53) - 1);
    drop(ticks);
    assert_eq!(format!("{timers:?}"), "Timers { timers: 0, clients: 0 }");
}
