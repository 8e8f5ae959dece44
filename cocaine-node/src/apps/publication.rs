//! Whether the locator knows an app.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cocaine::{Error, Result, ServiceInfo};
use tokio::task::JoinHandle;

use super::overseer::Overseer;
use crate::{
    errno,
    registry::{Registration, Registry},
};

/// The name of an app in the locator, while enough of its workers are active (`node.md` 3). Dropping this withdraws it.
#[derive(Debug)]
pub(super) struct Publication {
    entry: Arc<LocatorEntry>,
    /// Follows the number of active workers, unless the app is published without any.
    follower: Option<JoinHandle<()>>,
}

/// What the locator may know of an app.
#[derive(Debug)]
struct LocatorEntry {
    app: String,
    service: ServiceInfo,
    registry: Registry,
    registration: Mutex<Option<Registration>>,
}

impl Publication {
    pub(super) fn new(overseer: &Overseer, registry: Registry, service: ServiceInfo) -> Result<Self> {
        let app = overseer.config().app.clone();
        let entry = Arc::new(LocatorEntry { app, service, registry, registration: Mutex::new(None) });
        entry.publish(0, overseer)?;
        let follower = follow(&entry, overseer.clone());
        Ok(Self { entry, follower })
    }

    /// Follows the workers of another generation of the app. The app stays published if it is, unless that has too few.
    pub(super) fn follow(&mut self, overseer: &Overseer) {
        if let Some(follower) = self.follower.take() {
            follower.abort();
        }
        let active = *overseer.active_workers().borrow();
        if let Err(error) = self.entry.publish(active, overseer) {
            tracing::warn!(%error, "an app is not published");
        }
        self.follower = follow(&self.entry, overseer.clone());
    }

    pub(super) fn is_public(&self) -> bool {
        self.entry.registration().is_some()
    }
}

fn follow(entry: &Arc<LocatorEntry>, overseer: Overseer) -> Option<JoinHandle<()>> {
    let entry = entry.clone();
    let mut active = overseer.active_workers();
    (overseer.config().profile.publish_on > 0).then(|| {
        tokio::spawn(async move {
            while active.changed().await.is_ok() {
                let now = *active.borrow_and_update();
                if let Err(error) = entry.publish(now, &overseer) {
                    tracing::warn!(%error, "an app is not published");
                }
            }
        })
    })
}

impl LocatorEntry {
    /// Publishes or withdraws the app, as its profile says for this number of active workers.
    fn publish(&self, active: usize, overseer: &Overseer) -> Result<()> {
        let profile = &overseer.config().profile;
        let mut registration = self.registration();
        let active = u32::try_from(active).unwrap_or(u32::MAX);
        if registration.is_none() && active >= profile.publish_on {
            let registered = self.registry.register_local(&self.app, self.service.clone());
            *registration = Some(registered.map_err(|_| name_taken(&self.app))?);
        } else if active < profile.unpublish_under {
            *registration = None;
        }
        Ok(())
    }

    fn registration(&self) -> MutexGuard<'_, Option<Registration>> {
        self.registration.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        if let Some(follower) = &self.follower {
            follower.abort();
        }
        *self.entry.registration() = None;
    }
}

fn name_taken(app: &str) -> Error {
    errno::invalid_argument(&format!("[22] service '{app}' already exists"))
}
