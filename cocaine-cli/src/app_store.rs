//! The manifests, packages, versions and profiles of apps, in the service `storage`.

mod switch;
mod version;
mod versions;

use std::{collections::BTreeMap, time::Duration};

use cocaine::{
    Bytes, Result as CloudResult, ServiceClient as _, Value, msgpack,
    schema::{AppSchema, MANIFEST_KEY, hash_text},
};
use cocaine_bindings::{Storage, StorageClient};
use tokio::time::{Instant, sleep};

use crate::error::{Error, ExitStatus, Result, is_blob_missing};

pub(crate) use self::{
    version::{AppVersion, VersionHashes, VersionList},
    versions::{VERSIONS, version_tag},
};

const MANIFESTS: &str = "manifests";
const PACKAGES: &str = "apps";
const PROFILES: &str = "profiles";

/// How long a storage that cannot be reached is waited for, so that the former version can be restored.
const MAX_RESTORATION: Duration = Duration::from_secs(20);
/// The delay before the next attempt.
const RESTORATION_DELAY: Duration = Duration::from_millis(200);

/// The key of a manifest that names the program.
const PROGRAM_KEY: &str = "slave";

/// What a node reads when it starts an app. Each is `None` where there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uploaded {
    /// The package as it is stored.
    pub(crate) package: Option<Bytes>,
    pub(crate) manifest: Option<Manifest>,
}

/// What is uploaded.
#[derive(Debug)]
pub(crate) struct AppStore<S = StorageClient> {
    storage: S,
}

/// What a replacement has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replaced {
    /// The new version.
    Whole,
    /// Something that somebody else has written at the same time.
    Overtaken,
}

/// The manifest of an app, with all its keys.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    blob: Bytes,
    entries: BTreeMap<String, Value>,
}

impl Uploaded {
    /// Returns whether both have the same bytes.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.package == other.package && self.manifest_blob() == other.manifest_blob()
    }

    /// Says what is not as in another version.
    pub(crate) fn changes(&self, former: &Self) -> &'static str {
        match (former.package.is_none(), self.package != former.package) {
            (true, _) => "there is no such app yet",
            (false, true) if self.manifest_blob() == former.manifest_blob() => {
                "another package, with the same manifest"
            }
            (false, true) => "another package, with another manifest",
            (false, false) => "the same package, with another manifest",
        }
    }

    fn manifest_blob(&self) -> Option<&Bytes> {
        self.manifest.as_ref().map(|manifest| &manifest.blob)
    }
}

impl AppStore {
    /// Returns what is uploaded in a storage. A call may take `limit`.
    pub(crate) fn new(storage: &StorageClient, limit: Duration) -> Self {
        Self { storage: storage.with_deadline(limit) }
    }
}

impl<S: Storage> AppStore<S> {
    /// Returns the manifest of an app; `None` if it has none.
    pub(crate) async fn manifest(&self, app: &str) -> Result<Option<Manifest>> {
        let failed = Error::while_doing(format!("the manifest of `{app}` cannot be read"));
        self.find(MANIFESTS, app).await?.map(Manifest::from_blob).transpose().map_err(failed)
    }

    /// Returns what is uploaded of an app.
    pub(crate) async fn uploaded(&self, app: &str) -> Result<Uploaded> {
        Ok(Uploaded { package: self.find(PACKAGES, app).await?, manifest: self.manifest(app).await? })
    }

    /// Returns what is uploaded of an app, also with a manifest that cannot be decoded: it has no keys then.
    pub(crate) async fn uploaded_as_it_is(&self, app: &str) -> Result<Uploaded> {
        let manifest = self.find(MANIFESTS, app).await?;
        let manifest = manifest.map(|blob| {
            let entries = msgpack::from_bytes(&blob).unwrap_or_default();
            Manifest { blob, entries }
        });
        Ok(Uploaded { package: self.find(PACKAGES, app).await?, manifest })
    }

    /// Returns the hash of the manifest of an app; `None` if it has none.
    pub(crate) async fn manifest_hash(&self, app: &str) -> Result<Option<u64>> {
        Ok(self.find(MANIFESTS, app).await?.map(|blob| version::hash(&blob)))
    }

    /// Returns what is stored under a key; `None` if there is nothing.
    async fn find(&self, collection: &str, key: &str) -> Result<Option<Bytes>> {
        match self.storage.read(collection, key).await {
            Err(error) if is_blob_missing(&error) => Ok(None),
            read => {
                let failed = Error::while_doing(format!("{collection}/{key} cannot be read"));
                read.map(Some).map_err(failed)
            }
        }
    }

    /// Replaces what is uploaded, and reads it back. What does not differ is not written. After an error the former version is
    /// restored, as far as the storage still answers; the error says whether it is.
    ///
    /// This is not to be cancelled: a node that starts the app meanwhile could read the new package and the former manifest.
    async fn replace(&self, app: &str, former: &Uploaded, new: &Uploaded) -> Result<Replaced> {
        let error = match self.replace_whole(app, former, new).await {
            Ok(replaced) => return Ok(replaced),
            Err(error) => error,
        };
        let restored = self.restore_when_reachable(app, former, new).await;
        let is_restored = restored.as_ref().is_ok_and(|replaced| *replaced == Replaced::Whole);
        let restored = match restored {
            Ok(Replaced::Whole) => format!("`{app}` is what it was"),
            Ok(Replaced::Overtaken) => {
                format!("what somebody else has uploaded of `{app}` meanwhile stays as it is")
            }
            Err(failed) => format!(
                "what `{app}` was cannot be restored ({failed}), so that its package and its manifest may be of two \
                 versions: upload it again when the storage answers, or go back with `cocaine app rollback {app}`"
            ),
        };
        Err(Error::Interrupted { restored, is_restored, source: Box::new(error) })
    }

    /// Writes a version, and then reads it back: whoever writes last sees what others have written between.
    async fn replace_whole(&self, app: &str, former: &Uploaded, new: &Uploaded) -> Result<Replaced> {
        self.write(app, former, new).await?;
        let stored = self.uploaded_as_it_is(app).await?;
        if stored.is_same(new) {
            return Ok(Replaced::Whole);
        }
        let parts = [
            (PACKAGES, stored.package.as_ref(), new.package.as_ref()),
            (MANIFESTS, stored.manifest_blob(), new.manifest_blob()),
        ];
        match parts.into_iter().find(|(_, stored, new)| stored != new && is_part(*stored, *new)) {
            Some((collection, ..)) => Err(Error::Failed(format!(
                "{collection}/{app} is stored in part: is the disk of the storage full?"
            ))),
            None => Ok(Replaced::Overtaken),
        }
    }

    /// Writes package and manifest, in this order.
    async fn write(&self, app: &str, former: &Uploaded, new: &Uploaded) -> Result<()> {
        if new.package != former.package {
            self.put(PACKAGES, app, new.package.as_ref()).await?;
        }
        let (former, new) = (former.manifest_blob(), new.manifest_blob());
        if new == former { Ok(()) } else { self.put(MANIFESTS, app, new).await }
    }

    /// Restores the former version. A storage that cannot be reached may be about to start again.
    async fn restore_when_reachable(&self, app: &str, former: &Uploaded, new: &Uploaded) -> Result<Replaced> {
        let start = Instant::now();
        loop {
            match self.restore(app, former, new).await {
                Err(error)
                    if error.status() == ExitStatus::Unreachable && start.elapsed() < MAX_RESTORATION =>
                {
                    sleep(RESTORATION_DELAY).await;
                }
                restored => return restored,
            }
        }
    }

    /// Writes again what is not what it was, unless somebody else has written it.
    async fn restore(&self, app: &str, former: &Uploaded, new: &Uploaded) -> Result<Replaced> {
        let package = [former.package.as_ref(), new.package.as_ref()];
        let manifest = [former.manifest_blob(), new.manifest_blob()];
        let package = self.restore_blob(PACKAGES, app, package).await?;
        let manifest = self.restore_blob(MANIFESTS, app, manifest).await?;
        Ok(if package == Replaced::Whole { manifest } else { package })
    }

    async fn restore_blob(
        &self,
        collection: &str,
        app: &str,
        [former, new]: [Option<&Bytes>; 2],
    ) -> Result<Replaced> {
        let stored = self.find(collection, app).await?;
        if stored.as_ref() == former {
            return Ok(Replaced::Whole);
        }
        if !is_part(stored.as_ref(), new) {
            return Ok(Replaced::Overtaken);
        }
        self.put(collection, app, former).await?;
        if self.find(collection, app).await?.as_ref() == former {
            return Ok(Replaced::Whole);
        }
        Err(Error::Failed(format!("{collection}/{app} is not what was written")))
    }

    async fn put(&self, collection: &str, app: &str, blob: Option<&Bytes>) -> Result<()> {
        match blob {
            Some(blob) => {
                let failed = Error::while_doing(format!("{collection}/{app} cannot be written"));
                self.storage.write(collection, app, blob, Some(&["app"])).await.map_err(failed)
            }
            None => match self.storage.remove(collection, app).await {
                Err(error) if !is_blob_missing(&error) => {
                    Err(Error::while_doing(format!("{collection}/{app} cannot be removed"))(error))
                }
                _ => Ok(()),
            },
        }
    }

    /// Writes the profile that needs nothing but an embedded node or a core of the original, unless there is one of this name.
    pub(crate) async fn create_profile(&self, name: &str) -> Result<()> {
        if self.find(PROFILES, name).await?.is_some() {
            return Ok(());
        }
        let isolate = Value::Map(vec![("type".into(), "legacy_process".into())]);
        let profile = encode(&BTreeMap::from([("isolate", isolate)]));
        let profile = profile.map_err(Error::while_doing("the profile cannot be encoded"))?;
        let what = |done: &str| format!("the profile `{name}` cannot be {done}");
        let written = self.storage.write(PROFILES, name, &profile, Some(&["profile"])).await;
        written.map_err(Error::while_doing(what("written")))?;
        let stored =
            self.storage.read(PROFILES, name).await.map_err(Error::while_doing(what("read back")))?;
        if stored == profile {
            return Ok(());
        }
        Err(Error::Failed(format!(
            "the profile `{name}` is not what was written: somebody else writes it, too"
        )))
    }
}

/// Returns whether what is stored is the beginning of what was written, or all of it.
fn is_part(stored: Option<&Bytes>, written: Option<&Bytes>) -> bool {
    match (stored, written) {
        (Some(stored), Some(written)) => written.starts_with(stored),
        (stored, written) => stored == written,
    }
}

impl Manifest {
    /// Returns the manifest of a program with this schema. Keys that `changes` does not have are those of the manifest that is
    /// there now.
    pub(crate) fn new(
        current: Option<&Self>,
        changes: &BTreeMap<String, Value>,
        program: &str,
        schema: Option<&AppSchema>,
    ) -> Result<Self> {
        let failed = Error::while_doing("the manifest cannot be encoded");
        let mut entries = current.map(|current| current.entries.clone()).unwrap_or_default();
        entries.extend(changes.iter().map(|(key, value)| (key.clone(), value.clone())));
        entries.insert(PROGRAM_KEY.to_owned(), program.into());
        entries.remove(MANIFEST_KEY);
        let encode_all = || {
            if let Some(schema) = schema {
                let schema: Value = msgpack::from_slice(&msgpack::to_vec(schema)?)?;
                entries.insert(MANIFEST_KEY.to_owned(), schema);
            }
            let blob = encode(&entries)?;
            Ok(Self { blob, entries })
        };
        let encoded: CloudResult<Self> = encode_all();
        encoded.map_err(failed)
    }

    /// Reads a manifest as it is stored.
    fn from_blob(blob: Bytes) -> CloudResult<Self> {
        let entries = msgpack::from_bytes(&blob)?;
        Ok(Self { blob, entries })
    }

    /// Returns the keys with their values.
    pub(crate) fn entries(&self) -> &BTreeMap<String, Value> {
        &self.entries
    }

    /// Returns the hash of its schema, as it is written there.
    pub(crate) fn schema_hash(&self) -> Option<String> {
        schema_hash(&self.entries)
    }

    /// Returns the program that it names.
    pub(crate) fn program(&self) -> Option<&str> {
        self.entries.get(PROGRAM_KEY)?.as_str()
    }

    /// Returns the schema, if the manifest has one.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn schema(&self) -> CloudResult<Option<AppSchema>> {
        AppSchema::from_manifest(&self.blob)
    }
}

/// Returns the hash of the schema in a manifest.
pub(crate) fn schema_hash(entries: &BTreeMap<String, Value>) -> Option<String> {
    match entries.get(MANIFEST_KEY)?.get("hash")? {
        Value::UInt(hash) => Some(hash_text(*hash)),
        hash => hash.as_str().map(str::to_owned),
    }
}

fn encode(value: &(impl serde::Serialize + ?Sized)) -> CloudResult<Bytes> {
    msgpack::to_vec(value).map(Bytes::from)
}

#[cfg(test)]
mod tests;
