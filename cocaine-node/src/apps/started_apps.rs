//! Which apps the node was told to run, so that it runs them again after a restart.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use cocaine::msgpack;

use crate::store::{Store, StoreError};

/// The collection of the storage that has the profile of each app.
const COLLECTION: &str = "started-apps";
/// The tag of all entries.
const TAG: &str = "started-app";

/// The apps that `start_app` has started and `pause_app` has not stopped.
#[derive(Debug)]
pub(super) struct StartedApps(Store);

impl StartedApps {
    pub(super) fn new(store: Store) -> Self {
        Self(store)
    }

    /// Adds an app. The app runs even if this fails.
    pub(super) async fn add(&self, app: &str, profile: &str) {
        // A text can always be encoded.
        let blob = msgpack::to_vec(profile).unwrap_or_default();
        if let Err(error) = self.0.write(COLLECTION, app, blob.into(), &[TAG]).await {
            tracing::warn!(app, %error, "an app will not be started again with the node");
        }
    }

    /// Removes an app, if it is there.
    pub(super) async fn remove(&self, app: &str) {
        if let Err(error) = self.0.remove(COLLECTION, app).await {
            tracing::warn!(app, %error, "an app will be started again with the node, although it is stopped");
        }
    }

    /// Returns the profiles of the apps, by their names. An unreadable entry is reported and left out.
    pub(super) async fn profiles(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let mut profiles = BTreeMap::new();
        for app in self.0.find(COLLECTION, &[TAG]).await? {
            match msgpack::from_slice(&self.0.read(COLLECTION, &app)?) {
                Ok(profile) => drop(profiles.insert(app, profile)),
                Err(error) => {
                    tracing::warn!(app, %error, "an app cannot be started again: its entry is unreadable");
                }
            }
        }
        Ok(profiles)
    }
}

/// The apps that start with the node and have not been started yet.
#[derive(Debug, Default)]
pub(super) struct PendingStarts(Mutex<BTreeSet<String>>);

impl PendingStarts {
    pub(super) fn add<'a>(&self, apps: impl IntoIterator<Item = &'a String>) {
        self.names().extend(apps.into_iter().cloned());
    }

    /// Removes an app, which is started or stopped now. Returns whether it was pending.
    pub(super) fn remove(&self, app: &str) -> bool {
        self.names().remove(app)
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
