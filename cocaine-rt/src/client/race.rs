//! Attempts that are started one after another, without waiting long for any of them.

use std::{future::Future, time::Duration};

use tokio::{task::JoinSet, time::timeout};

/// Returns the result of the first attempt that succeeds.
///
/// The attempts begin in order: the next one when an earlier one has failed, or when there is no result after `delay`.
/// Those that still run when one succeeds are dropped. `failed` is called with each error as it occurs.
pub(crate) async fn race<A, T, E>(
    attempts: impl IntoIterator<Item = A>,
    delay: Duration,
    mut failed: impl FnMut(E),
) -> Option<T>
where
    A: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let mut attempts = attempts.into_iter().peekable();
    let mut running = JoinSet::new();
    loop {
        if let Some(attempt) = attempts.next() {
            running.spawn(attempt);
        }
        let delay = if attempts.peek().is_some() { delay } else { Duration::MAX };
        match timeout(delay, running.join_next()).await {
            Ok(Some(Ok(Ok(result)))) => return Some(result),
            Ok(Some(Ok(Err(error)))) => failed(error),
            Ok(None) if attempts.peek().is_none() => return None,
            // The delay is over, or an attempt has panicked.
            Ok(None | Some(Err(_))) | Err(_) => {}
        }
    }
}

/// Returns the delay that lets `count` attempts begin well within `deadline`.
pub(crate) fn shared_delay(deadline: Duration, count: usize) -> Duration {
    const LONGEST: Duration = Duration::from_millis(250);
    const SHORTEST: Duration = Duration::from_millis(5);
    /// Attempts beyond these do not shorten the delay further.
    const MAX_COUNT: usize = 8;
    let shares = u32::try_from(count.min(MAX_COUNT) + 1).unwrap_or(u32::MAX);
    (deadline / shares).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::time::{Instant, sleep};

    use super::*;

    const DELAY: Duration = Duration::from_millis(100);

    /// Ends after a time with a result.
    async fn attempt(millis: u64, result: Result<u8, u8>) -> Result<u8, u8> {
        sleep(Duration::from_millis(millis)).await;
        result
    }

    async fn run(attempts: Vec<(u64, Result<u8, u8>)>) -> (Option<u8>, Vec<u8>, u128) {
        let (start, mut errors) = (Instant::now(), Vec::new());
        let attempts = attempts.into_iter().map(|(millis, result)| attempt(millis, result));
        let result = race(attempts, DELAY, |error| errors.push(error)).await;
        (result, errors, start.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn failed_attempt_is_followed_at_once() {
        assert_eq!(run(vec![(10, Err(1)), (10, Ok(2))]).await, (Some(2), vec![1], 20));
        assert_eq!(run(vec![(10, Err(1)), (20, Err(2))]).await, (None, vec![1, 2], 30));
        assert_eq!(run(vec![]).await, (None, vec![], 0));
    }

    #[tokio::test(start_paused = true)]
    async fn silent_attempt_is_overtaken_after_the_delay() {
        let silent = (u64::from(u32::MAX), Ok(0));
        assert_eq!(run(vec![silent, silent, (10, Ok(3))]).await, (Some(3), vec![], 210));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_attempt_may_still_win() {
        assert_eq!(run(vec![(150, Ok(1)), (100, Ok(2))]).await, (Some(1), vec![], 150));
    }

    #[tokio::test(start_paused = true)]
    async fn later_attempts_do_not_begin_after_success() {
        let begun = Arc::new(AtomicUsize::new(0));
        let attempts = (0..3).map(|_| {
            begun.fetch_add(1, Ordering::Relaxed);
            attempt(10, Ok(1))
        });
        race(attempts, DELAY, |_: u8| {}).await;
        assert!(begun.load(Ordering::Relaxed) <= 2, "one runs, and the next one is known");
    }

    #[test]
    fn delay_shares_the_deadline_among_attempts() {
        let delay = |millis, count| shared_delay(Duration::from_millis(millis), count).as_millis();
        assert_eq!(delay(30_000, 2), 250);
        assert_eq!(delay(300, 2), 100);
        assert_eq!(delay(900, 100_000), 100);
        assert_eq!(delay(0, 1), 5);
    }
}
