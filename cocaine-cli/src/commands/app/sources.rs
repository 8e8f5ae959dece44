//! Where a cloud has what belongs to an app.

use cocaine::Client;
use cocaine_bindings::StorageClient;

use super::DEFAULT_TIMEOUT;
use crate::{
    app_store::AppStore,
    environment::Environment,
    error::Result,
    node_apps::NodeApps,
    records::{Crashlogs, RecordKind, Records},
};

/// The node, and the collections of a storage.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) node: NodeApps,
    pub(super) store: AppStore,
    pub(super) manifests: Records,
    pub(super) packages: Records,
    pub(super) runlists: Records,
    pub(super) crashlogs: Crashlogs,
}

impl Sources {
    pub(super) async fn connect(environment: &Environment) -> Result<Self> {
        Self::with_cloud(&environment.cloud()?, environment).await
    }

    pub(super) async fn with_cloud(cloud: &Client, environment: &Environment) -> Result<Self> {
        let limit = environment.timeout_or(DEFAULT_TIMEOUT)?;
        let storage: StorageClient = environment.service(cloud).await?;
        Ok(Self {
            node: NodeApps::connect(cloud, environment, limit).await?,
            store: AppStore::new(&storage, limit),
            manifests: Records::new(&storage, RecordKind::MANIFEST, limit),
            packages: Records::new(&storage, RecordKind::PACKAGE, limit),
            runlists: Records::new(&storage, RecordKind::RUNLIST, limit),
            crashlogs: Crashlogs::new(&storage, limit),
        })
    }

    /// Returns the runlists that name an app, with the profiles there.
    pub(super) async fn runlists_with(&self, app: &str) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for (runlist, entries) in self.runlists.all().await? {
            if let Some(profile) = entries?.get(app) {
                found.push((runlist, profile.as_str().unwrap_or_default().to_owned()));
            }
        }
        Ok(found)
    }
}
