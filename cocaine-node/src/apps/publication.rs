//! Whether the locator knows an app.

use std::sync::{Arc, Mutex, PoisonError};

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
    registration: Arc<Mutex<Option<Registration>>>,
    /// Follows the number of active workers, unless the app is published without any.
    follower: Option<JoinHandle<()>>,
}

impl Publication {
    pub(super) fn new(overseer: &Overseer, registry: Registry, service: ServiceInfo) -> Result<Self> {
        let config = overseer.config();
        let (app, on, under) =
            (config.app.clone(), config.profile.publish_on, config.profile.unpublish_under);
        let registration = Arc::new(Mutex::new(None));
        let publish = {
            let registration = registration.clone();
            move |active: usize| {
                let mut registration = registration.lock().unwrap_or_else(PoisonError::into_inner);
                let active = u32::try_from(active).unwrap_or(u32::MAX);
                if registration.is_none() && active >= on {
                    *registration =
                        Some(registry.register_local(&app, service.clone()).map_err(|_| name_taken(&app))?);
                } else if active < under {
                    *registration = None;
                }
                Ok(())
            }
        };
        publish(0)?;
        let mut active = overseer.active_workers();
        let follower = (on > 0).then(|| {
            tokio::spawn(async move {
                while active.changed().await.is_ok() {
                    let now = *active.borrow_and_update();
                    if let Err(error) = publish(now) {
                        tracing::warn!(%error, "an app is not published");
                    }
                }
            })
        });
        Ok(Self { registration, follower })
    }

    pub(super) fn is_public(&self) -> bool {
        self.registration.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        if let Some(follower) = &self.follower {
            follower.abort();
        }
        *self.registration.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn name_taken(app: &str) -> Error {
    errno::invalid_argument(&format!("[22] service '{app}' already exists"))
}
