//! Waiting for a condition.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// The longest that any single step of a test may take. A test that works never waits for it.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// The pause between two checks of a condition.
const INTERVAL: Duration = Duration::from_millis(1);

/// Waits until `condition` holds.
///
/// # Panics
/// With `what`, if the condition does not hold within [`TIMEOUT`].
pub async fn wait_until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    wait_for(what, async || condition().await.then_some(())).await;
}

/// Waits until `poll` returns a value, and returns that.
///
/// # Panics
/// With `what`, if no value comes within [`TIMEOUT`].
pub async fn wait_for<T>(what: &str, mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(value) = poll().await {
                return value;
            }
            sleep(INTERVAL).await;
        }
    };
    timeout(TIMEOUT, wait).await.unwrap_or_else(|_| panic!("not within {TIMEOUT:?}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::{wait_for, wait_until};

    #[tokio::test(start_paused = true)]
    async fn value_is_returned_once_it_exists() {
        let mut countdown = 3;
        let wait = wait_for("three polls", async || {
            countdown -= 1;
            (countdown == 0).then_some("value")
        });
        assert_eq!(wait.await, "value");
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "not within 60s: never true")]
    async fn condition_that_never_holds_fails() {
        wait_until("never true", async || false).await;
    }
}
