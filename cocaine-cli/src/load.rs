//! The same call made again and again, and how long the answers take.

pub(crate) mod repeated;
pub(crate) mod report;
pub(crate) mod schedule;
pub(crate) mod tally;

use std::{cell::RefCell, time::Instant};

use futures_util::{StreamExt as _, stream::FuturesUnordered};

use self::{
    repeated::{Failure, RepeatedCall},
    schedule::Schedule,
    tally::Tally,
};

/// Makes calls on a schedule until it ends. Each call in flight is a loop, which makes the next call when the one before has been
/// answered. The loops use the connections in turn.
pub(crate) async fn run(
    calls: &[RepeatedCall<'_>],
    in_flight: usize,
    schedule: &Schedule,
    tally: &RefCell<Tally>,
) {
    let loops = calls.iter().cycle().take(in_flight).map(|call| repeat(call, schedule, tally));
    let mut loops: FuturesUnordered<_> = loops.collect();
    while loops.next().await.is_some() {}
}

async fn repeat(call: &RepeatedCall<'_>, schedule: &Schedule, tally: &RefCell<Tally>) {
    while let Some(begun) = schedule.next().await {
        let outcome = call.send().await;
        let is_unanswered = outcome.as_ref().is_err_and(Failure::is_unanswered);
        tally.borrow_mut().add(begun, Instant::now(), outcome);
        if is_unanswered {
            // A node that is gone refuses connections faster than anybody needs to know it.
            schedule.pause_after_failure().await;
        }
    }
}
