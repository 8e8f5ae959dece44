//! Attempts that several callers wait for.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
};

use tokio::{runtime::Id, sync::watch};

use crate::connection::handle::current_runtime;

/// The attempts under way: at most one in each runtime.
///
/// An attempt is a task of its own, so that it continues after the deadline of the caller that has started it. A caller
/// waits only for an attempt of its own runtime, since another runtime may not be driven.
#[derive(Debug)]
pub(crate) struct SharedAttempts<T>(Mutex<Vec<Attempt<T>>>);

#[derive(Debug)]
struct Attempt<T> {
    runtime: Option<Id>,
    outcome: watch::Receiver<Option<T>>,
}

impl<T> Attempt<T> {
    /// Returns whether neither the attempt nor its runtime has ended.
    fn is_running(&self) -> bool {
        self.outcome.borrow().is_none() && self.outcome.has_changed().is_ok()
    }
}

impl<T> Default for SharedAttempts<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T: Clone + Send + Sync + 'static> SharedAttempts<T> {
    /// Waits for the attempt under way, or begins one. Returns `None` if the runtime shuts down meanwhile.
    pub(crate) async fn join<F>(&self, begin: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut outcome = self.find_or_begin(begin);
        outcome.wait_for(Option::is_some).await.ok()?.clone()
    }

    fn find_or_begin<F>(&self, begin: impl FnOnce() -> F) -> watch::Receiver<Option<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let runtime = current_runtime();
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.retain(Attempt::is_running);
        if let Some(attempt) = attempts.iter().find(|attempt| attempt.runtime == runtime) {
            return attempt.outcome.clone();
        }
        let (sender, outcome) = watch::channel(None);
        let attempt = begin();
        tokio::spawn(async move { sender.send_replace(Some(attempt.await)) });
        attempts.push(Attempt { runtime, outcome: outcome.clone() });
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use tokio::{
        runtime::Runtime,
        task::JoinSet,
        time::{sleep, timeout},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempt_outlasts_its_first_caller() {
        let (attempts, begun) = (Arc::new(SharedAttempts::default()), Arc::new(AtomicUsize::new(0)));
        let mut callers = JoinSet::new();
        for _ in 0..50 {
            let (attempts, begun) = (attempts.clone(), begun.clone());
            let attempt = async move {
                sleep(Duration::from_secs(1)).await;
                begun.fetch_add(1, Ordering::Relaxed)
            };
            callers.spawn(async move {
                let outcome = attempts.join(|| attempt);
                timeout(Duration::from_millis(300), outcome).await.is_err()
            });
        }
        assert!(callers.join_all().await.into_iter().all(|is_late| is_late));
        let outcome = attempts.join(|| async { panic!("one is under way") }).await;
        assert_eq!((outcome, begun.load(Ordering::Relaxed)), (Some(0), 1));
        assert_eq!(attempts.join(|| async { 7 }).await, Some(7), "the next one begins anew");
    }

    #[test]
    fn each_runtime_has_its_own_attempt() {
        let (attempts, ended, idle) =
            (SharedAttempts::default(), Runtime::new().unwrap(), Runtime::new().unwrap());
        ended.block_on(async { drop(attempts.find_or_begin(std::future::pending::<u8>)) });
        drop(ended);
        idle.block_on(async { drop(attempts.find_or_begin(std::future::pending::<u8>)) });
        let outcome = Runtime::new().unwrap().block_on(attempts.join(|| async { 3 }));
        assert_eq!(outcome, Some(3));
        assert_eq!(attempts.0.lock().unwrap().len(), 2, "the attempt of the ended runtime is removed");
    }
}
