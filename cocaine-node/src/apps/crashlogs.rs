//! The stored crashlogs: the last output of workers that crashed (`node.md` 1, 5.4). Old ones are removed.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use cocaine::{Bytes, msgpack};
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{
    log::format_date,
    store::{Store, StoreError},
};

const COLLECTION: &str = "crashlogs";

/// How many crashlogs are removed before the list of them is read again.
const REMOVED_AT_ONCE: usize = 1000;

/// How many crashlogs are kept. The newest one of an app, and of all, is kept whatever its size is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CrashlogLimits {
    /// Crashlogs of one app.
    pub(crate) app_count: usize,
    /// Bytes of the crashlogs of one app.
    pub(crate) app_bytes: usize,
    /// Bytes of the crashlogs of all apps.
    pub(crate) total_bytes: usize,
    /// The age of the oldest one.
    pub(crate) age: Duration,
}

impl Default for CrashlogLimits {
    fn default() -> Self {
        let age = Duration::from_hours(30 * 24);
        Self { app_count: 50, app_bytes: 16 << 20, total_bytes: 256 << 20, age }
    }
}

/// The crashlogs of all apps; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Crashlogs {
    store: Store,
    limits: CrashlogLimits,
    /// Locked while old ones are removed, so that each is removed and counted once.
    pruning: Arc<Mutex<()>>,
}

impl Crashlogs {
    pub(crate) fn new(store: Store, limits: CrashlogLimits) -> Self {
        Self { store, limits, pruning: Arc::default() }
    }

    /// Stores the last output of a worker, and removes what exceeds the limits then. A failure is logged.
    pub(crate) async fn add(&self, app: &str, uuid: &str, lines: &[Bytes]) {
        if lines.is_empty() || self.limits.app_count == 0 {
            return;
        }
        let now = since_epoch();
        let key = format!("{}:{uuid}", now.as_micros());
        let today = format!("cocaine-{}", format_date(now.as_secs()));
        let stored = match msgpack::to_vec(lines) {
            Ok(blob) => self.store.write(COLLECTION, &key, blob.into(), &[app, &today]).await,
            Err(error) => return tracing::warn!(app, %error, "a crashlog cannot be written"),
        };
        if let Err(error) = stored {
            tracing::warn!(app, %error, "a crashlog cannot be stored");
        }
        self.prune(&[app]).await;
    }

    /// Removes the crashlogs that exceed the limits of these apps, or those of all. A failure is logged.
    pub(crate) async fn prune(&self, apps: &[&str]) {
        let _guard = self.pruning.lock().await;
        let mut pruned = Ok(());
        for app in apps {
            pruned = pruned.and(self.prune_app(app).await);
        }
        if let Err(error) = pruned.and(self.prune_all().await) {
            tracing::warn!(%error, "old crashlogs cannot be removed");
        }
    }

    async fn prune_app(&self, app: &str) -> Result<(), StoreError> {
        let keys = self.store.find(COLLECTION, &[app]).await?;
        let (mut count, mut bytes) = (0, 0);
        let mut excess = Vec::new();
        for key in keys.into_iter().rev().filter(|key| time_of(key).is_some()) {
            bytes += match self.store.snapshot()?.blob_len(COLLECTION, &key) {
                // Somebody else has removed it.
                Err(StoreError::NotFound { .. }) => continue,
                length => length?,
            };
            count += 1;
            if count > self.limits.app_count || bytes > self.limits.app_bytes && count > 1 {
                excess.push(key);
            }
        }
        self.remove(excess).await
    }

    /// Removes crashlogs that are too old, and the oldest ones if all together are too large.
    async fn prune_all(&self) -> Result<(), StoreError> {
        loop {
            let (store, limits) = (self.store.clone(), self.limits);
            let listed = spawn_blocking(move || excess_of_all(&store, limits, since_epoch()));
            let excess = listed.await.map_err(|error| StoreError::Panicked(error.to_string()))??;
            let is_last = excess.len() < REMOVED_AT_ONCE;
            self.remove(excess).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn remove(&self, keys: Vec<String>) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        tracing::info!(crashlogs = keys.len(), "old crashlogs are removed");
        // All are queued before the first is waited for, so that they share transactions.
        let removing: Vec<_> = keys.iter().map(|key| self.store.remove(COLLECTION, key)).collect();
        for removed in removing {
            removed.await?;
        }
        Ok(())
    }
}

/// Returns the first crashlogs, from the newest to the oldest, that are too old or too many.
fn excess_of_all(store: &Store, limits: CrashlogLimits, now: Duration) -> Result<Vec<String>, StoreError> {
    let oldest = now.saturating_sub(limits.age);
    let (mut count, mut bytes) = (0, 0);
    let mut excess = Vec::new();
    store.snapshot()?.visit_from_last(COLLECTION, |key, length| {
        let Some(time) = time_of(key) else { return true };
        count += 1;
        bytes += length;
        if time < oldest || bytes > limits.total_bytes && count > 1 {
            excess.push(key.to_owned());
        }
        excess.len() < REMOVED_AT_ONCE
    })?;
    Ok(excess)
}

/// Returns the time in the key of a crashlog. Other keys are not the node's.
fn time_of(key: &str) -> Option<Duration> {
    key.split_once(':').and_then(|(micros, _)| micros.parse().ok()).map(Duration::from_micros)
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CrashlogLimits =
        CrashlogLimits { app_count: 3, app_bytes: 1000, total_bytes: 1500, age: Duration::from_secs(100) };

    async fn keys(store: &Store, app: &str) -> Vec<String> {
        store.find(COLLECTION, &[app]).await.unwrap()
    }

    /// Stores a crashlog of an app, so many seconds ago.
    async fn store_old(store: &Store, app: &str, seconds: u64, bytes: usize) -> String {
        let time = since_epoch().checked_sub(Duration::from_secs(seconds)).unwrap();
        let key = format!("{}:uuid", time.as_micros());
        store.write(COLLECTION, &key, vec![0; bytes].into(), &[app]).await.unwrap();
        key
    }

    #[tokio::test]
    async fn crashlogs_of_an_app_are_bounded() {
        let store = Store::in_memory().unwrap();
        let crashlogs = Crashlogs::new(store.clone(), LIMITS);
        for number in 0..5 {
            crashlogs.add("shop", &number.to_string(), &[Bytes::from("line")]).await;
        }
        let ids =
            |keys: Vec<String>| keys.iter().map(|key| key.split_once(':').unwrap().1.to_owned()).collect();
        let ids: Vec<String> = ids(keys(&store, "shop").await);
        assert_eq!(ids, ["2", "3", "4"], "the newest are kept");
        crashlogs.add("shop", "large", &[Bytes::from(vec![b'x'; 998])]).await;
        assert_eq!(keys(&store, "shop").await.len(), 1, "their bytes are bounded too");
        crashlogs.add("shop", "larger", &[Bytes::from(vec![b'x'; 5000])]).await;
        assert!(
            keys(&store, "shop").await[0].ends_with(":larger"),
            "the newest is kept whatever its size is"
        );
        crashlogs.add("silent", "uuid", &[]).await;
        assert_eq!(keys(&store, "silent").await, [""; 0]);
    }

    #[tokio::test]
    async fn crashlogs_of_all_apps_are_bounded() {
        let store = Store::in_memory().unwrap();
        let crashlogs = Crashlogs::new(store.clone(), LIMITS);
        let old = store_old(&store, "one", 101, 1).await;
        for seconds in 1..=3 {
            store_old(&store, &format!("app{seconds}"), 10 * seconds, 700).await;
        }
        store.write(COLLECTION, "foreign", vec![0; 5000].into(), &["one"]).await.unwrap();
        store.write("other", &old, vec![0; 5000].into(), &["one"]).await.unwrap();
        crashlogs.prune(&[]).await;
        assert_eq!(keys(&store, "one").await, ["foreign"], "too old");
        assert_eq!(store.find("other", &["one"]).await.unwrap().len(), 1);
        let counts = [keys(&store, "app1").await, keys(&store, "app2").await, keys(&store, "app3").await];
        assert_eq!(counts.map(|keys| keys.len()), [1, 1, 0], "the oldest goes");
    }

    #[tokio::test]
    async fn very_many_crashlogs_are_all_removed() {
        let store = Store::in_memory().unwrap();
        let writing: Vec<_> = (0..2 * REMOVED_AT_ONCE + 10)
            .map(|number| store.write(COLLECTION, &format!("{number}:uuid"), vec![0].into(), &["app"]))
            .collect();
        for written in writing {
            written.await.unwrap();
        }
        Crashlogs::new(store.clone(), LIMITS).prune(&[]).await;
        assert_eq!(keys(&store, "app").await, [""; 0]);
    }
}
