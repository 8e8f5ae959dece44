//! The versions of apps that are kept: each is one object with a package and its manifest, so that they are never mixed.

use cocaine::{Bytes, msgpack};
use cocaine_bindings::Storage;

use super::{
    AppStore, Manifest, Uploaded,
    version::{AppVersion, VersionHashes, VersionList},
};
use crate::error::{Error, Result, is_blob_missing};

pub(crate) const VERSIONS: &str = "app_versions";

/// A package and its manifest as they are stored.
type StoredVersion = (Option<Bytes>, Bytes);

impl<S: Storage> AppStore<S> {
    /// Returns the versions of an app that are kept. None of them is read.
    pub(crate) async fn versions(&self, app: &str) -> Result<VersionList> {
        let failed = Error::while_doing(format!("the versions of `{app}` cannot be listed"));
        let keys = self.storage.find(VERSIONS, &[&version_tag(app)]).await.map_err(failed)?;
        let versions = keys.iter().filter_map(|key| AppVersion::from_key(key, app));
        Ok(VersionList::new(versions.collect()))
    }

    /// Reads a version.
    ///
    /// # Errors
    /// It is gone, or its bytes are not those that were kept.
    pub(crate) async fn read_version(&self, app: &str, version: &AppVersion) -> Result<Uploaded> {
        let what = format!("version {} of `{app}` cannot be read", version.number);
        let blob = self.storage.read(VERSIONS, &version.key(app)).await;
        let blob = blob.map_err(Error::while_doing(what.clone()))?;
        let (package, manifest): StoredVersion =
            msgpack::from_bytes(&blob).map_err(Error::while_doing(what.clone()))?;
        let manifest = Manifest::from_blob(manifest).map_err(Error::while_doing(what.clone()))?;
        let uploaded = Uploaded { package, manifest: Some(manifest) };
        if VersionHashes::of(&uploaded) == Some(version.hashes) {
            return Ok(uploaded);
        }
        Err(Error::Failed(format!(
            "{what}: it is damaged in the storage; choose another with `--to VERSION`"
        )))
    }

    /// Keeps a version, and reads it back.
    pub(super) async fn keep_version(
        &self,
        app: &str,
        number: u64,
        uploaded: &Uploaded,
        hashes: VersionHashes,
    ) -> Result<AppVersion> {
        let version = AppVersion::new(number, uploaded, hashes);
        let what = |done: &str| {
            format!(
                "version {number} of `{app}` cannot be {done}, so that nothing is changed (an upload with `--keep 0` keeps none)"
            )
        };
        let stored: StoredVersion =
            (uploaded.package.clone(), uploaded.manifest_blob().cloned().unwrap_or_default());
        let blob = msgpack::to_vec(&stored).map(Bytes::from).map_err(Error::while_doing(what("encoded")))?;
        let key = version.key(app);
        let written = self.storage.write(VERSIONS, &key, &blob, Some(&[&version_tag(app)])).await;
        written.map_err(Error::while_doing(what("kept")))?;
        let read = self.storage.read(VERSIONS, &key).await.map_err(Error::while_doing(what("read back")))?;
        if read == blob {
            return Ok(version);
        }
        // Half a version is of no use to anybody.
        let _ = self.remove_version(app, &version).await;
        Err(Error::Failed(format!("{}: not all of it is stored", what("kept"))))
    }

    pub(crate) async fn remove_version(&self, app: &str, version: &AppVersion) -> Result<()> {
        match self.storage.remove(VERSIONS, &version.key(app)).await {
            Err(error) if !is_blob_missing(&error) => {
                let what = format!("version {} of `{app}` cannot be removed", version.number);
                Err(Error::while_doing(what)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the tag by which the versions of an app are found. It begins with a letter, so that it is never the key of a version.
pub(crate) fn version_tag(app: &str) -> String {
    format!("app:{app}")
}
