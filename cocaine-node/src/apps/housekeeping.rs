//! Removes what is of no use any more: the packages of removed apps, and old crashlogs.

use std::{collections::BTreeSet, ffi::OsStr, path::PathBuf, time::Duration};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{MissedTickBehavior, interval},
};

use super::{Apps, package::folder_name};
use crate::store::StoreError;

/// The collection of the packages, and their tag.
const PACKAGES: (&str, &str) = ("apps", "app");

/// How often the node looks for what can be removed.
const INTERVAL: Duration = Duration::from_mins(1);

/// Removes what is of no use any more, from time to time until it is dropped.
#[derive(Debug)]
pub(crate) struct Housekeeper(JoinHandle<()>);

impl Housekeeper {
    pub(crate) fn start(apps: Apps) -> Self {
        Self(tokio::spawn(async move {
            apps.prune_crashlogs_of_stored_apps().await;
            let mut ticks = interval(INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = apps.clean_up().await {
                    tracing::warn!(%error, "what removed apps have left is not removed");
                }
            }
        }))
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Apps {
    /// Removes the crashlogs that exceed the limits of their app, which may be narrower than in the last run.
    async fn prune_crashlogs_of_stored_apps(&self) {
        let environment = self.environment();
        if let Ok(stored) = environment.store.find(PACKAGES.0, &[PACKAGES.1]).await {
            let names: Vec<_> = stored.iter().map(String::as_str).collect();
            environment.crashlogs.prune(&names).await;
        }
    }

    /// Removes old crashlogs, and the unpacked packages of apps that are neither stored nor started.
    async fn clean_up(&self) -> Result<(), StoreError> {
        let environment = self.environment();
        let stored = environment.store.find(PACKAGES.0, &[PACKAGES.1]).await?;
        environment.crashlogs.prune(&[]).await;
        let stored: BTreeSet<_> = stored.iter().map(|app| folder_name(app)).collect();
        let apps = self.clone();
        let removed = spawn_blocking(move || {
            let folders = &apps.environment().folders;
            for folder in folders.packages() {
                if !folder.to_str().is_some_and(|name| stored.contains(name)) {
                    remove(apps.detach_package(&folder));
                }
            }
        });
        removed.await.map_err(|error| StoreError::Panicked(error.to_string()))
    }

    /// Removes the unpacked package of an app that has ended, unless the app is stored.
    pub(super) async fn remove_package_if_unused(&self, app: &str) {
        let is_stored =
            self.environment().store.snapshot().and_then(|snapshot| snapshot.blob_len(PACKAGES.0, app));
        if let Err(StoreError::NotFound { .. }) = is_stored {
            let (apps, folder) = (self.clone(), folder_name(app));
            // Fails only if the runtime ends.
            let _ = spawn_blocking(move || remove(apps.detach_package(OsStr::new(&folder)))).await;
        }
    }
}

fn remove(folder: Option<PathBuf>) {
    let Some(folder) = folder else { return };
    match std::fs::remove_dir_all(&folder) {
        Ok(()) => tracing::info!(folder = %folder.display(), "the package of a removed app is removed"),
        // The next start of the node removes what is left.
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "the package of a removed app cannot be removed");
        }
    }
}
