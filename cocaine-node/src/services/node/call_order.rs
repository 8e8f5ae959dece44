//! The order of the calls of one connection that start, stop and inspect apps.
//!
//! A call of an app waits for the calls of the same app that the connection has sent before, and a call of all apps for
//! every call before it, so that each finds what the others have left. Calls of different apps run side by side.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// The unfinished calls of one connection.
#[derive(Debug, Default)]
pub(super) struct CallOrder(Mutex<UnfinishedCalls>);

#[derive(Debug, Default)]
struct UnfinishedCalls {
    /// The last call of all apps.
    of_all: Option<CallEnd>,
    /// The last call of each app after that.
    by_app: HashMap<String, CallEnd>,
}

/// Closed when a call has finished.
type CallEnd = watch::Receiver<()>;

/// The place of a call. Later ones wait until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    earlier: Vec<CallEnd>,
    _end: watch::Sender<()>,
}

impl CallOrder {
    /// Gives a call of `app` its place. To keep the order of calls, this has to be called before anything is awaited.
    pub(super) fn enter(&self, app: &str) -> Turn {
        let mut calls = self.calls();
        let earlier = calls.before(app);
        let (end, ended) = watch::channel(());
        calls.by_app.insert(app.to_owned(), ended);
        Turn { earlier, _end: end }
    }

    /// As [`CallOrder::enter`], for a call that is done as soon as it may begin: it needs no place if no other is before it.
    pub(super) fn enter_behind(&self, app: &str) -> Option<Turn> {
        let is_behind = !self.calls().before(app).is_empty();
        is_behind.then(|| self.enter(app))
    }

    /// As [`CallOrder::enter_behind`], for a call of all apps.
    pub(super) fn enter_behind_all(&self) -> Option<Turn> {
        let mut calls = self.calls();
        calls.forget_finished();
        let earlier: Vec<_> = calls.of_all.iter().chain(calls.by_app.values()).cloned().collect();
        if earlier.is_empty() {
            return None;
        }
        let (end, ended) = watch::channel(());
        *calls = UnfinishedCalls { of_all: Some(ended), by_app: HashMap::new() };
        Some(Turn { earlier, _end: end })
    }

    fn calls(&self) -> MutexGuard<'_, UnfinishedCalls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnfinishedCalls {
    /// Returns the unfinished calls that a new call of `app` has to follow.
    fn before(&mut self, app: &str) -> Vec<CallEnd> {
        self.forget_finished();
        self.by_app.get(app).or(self.of_all.as_ref()).cloned().into_iter().collect()
    }

    fn forget_finished(&mut self) {
        let is_unfinished = |call: &CallEnd| call.has_changed().is_ok();
        self.of_all = self.of_all.take().filter(is_unfinished);
        self.by_app.retain(|_, call| is_unfinished(call));
    }
}

impl Turn {
    /// Waits until the calls before this one have finished.
    pub(super) async fn wait(&mut self) {
        for mut call in self.earlier.drain(..) {
            while call.changed().await.is_ok() {}
        }
    }
}

/// Waits for the turn of a call that may not need one, and returns the turn.
pub(super) async fn wait_for(mut turn: Option<Turn>) -> Option<Turn> {
    if let Some(turn) = &mut turn {
        turn.wait().await;
    }
    turn
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Returns whether the calls before this one have finished.
    fn is_due(turn: &mut Turn) -> bool {
        turn.wait().now_or_never().is_some()
    }

    #[test]
    fn calls_of_one_app_follow_each_other() {
        let order = CallOrder::default();
        assert!(order.enter_behind("a").is_none() && order.enter_behind_all().is_none());
        let mut first = order.enter("a");
        let mut other = order.enter("b");
        let (mut second, mut third) = (order.enter_behind("a").unwrap(), order.enter("a"));
        assert!(is_due(&mut first) && is_due(&mut other));
        assert!(second.wait().now_or_never().is_none() && third.wait().now_or_never().is_none());
    }

    #[tokio::test]
    async fn turn_comes_when_the_one_before_ends() {
        let order = CallOrder::default();
        let first = order.enter("a");
        let mut second = order.enter("a");
        let mut third = order.enter("a");
        drop(first);
        second.wait().await;
        drop(second);
        third.wait().await;
        drop(third);
        assert!(order.enter_behind("a").is_none());
        assert!(order.calls().by_app.is_empty(), "finished calls are forgotten");
    }

    #[tokio::test]
    async fn call_of_all_apps_follows_and_precedes_all() {
        let order = CallOrder::default();
        let (first, other) = (order.enter("a"), order.enter("b"));
        let mut all = order.enter_behind_all().unwrap();
        let (mut later, mut new) = (order.enter("a"), order.enter("c"));
        drop(first);
        assert!(all.wait().now_or_never().is_none(), "one is left");
        drop(other);
        let mut all_again = order.enter_behind_all().unwrap();
        assert!(later.wait().now_or_never().is_none() && new.wait().now_or_never().is_none());
        drop(all);
        later.wait().await;
        new.wait().await;
        drop((later, new));
        all_again.wait().await;
    }
}
