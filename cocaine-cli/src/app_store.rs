//! The manifests, packages and profiles of apps, in the service `storage`.

use std::{collections::BTreeMap, time::Duration};

use cocaine::{
    Bytes, Result as CloudResult, ServiceClient as _, Value, msgpack,
    schema::{AppSchema, MANIFEST_KEY},
};
use cocaine_bindings::{Storage, StorageClient};

use crate::error::{Error, Result};

const MANIFESTS: &str = "manifests";
const PACKAGES: &str = "apps";
const PROFILES: &str = "profiles";

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
pub(crate) struct AppStore<S = StorageClient>(S);

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
        Self(storage.with_deadline(limit))
    }
}

impl<S: Storage> AppStore<S> {
    /// Returns the manifest of an app; `None` if it has none.
    pub(crate) async fn manifest(&self, app: &str) -> Result<Option<Manifest>> {
        let what = format!("the manifest of `{app}` cannot be read");
        let blob = match self.0.read(MANIFESTS, app).await {
            Err(error) if error.is_not_found() => return Ok(None),
            blob => blob.map_err(Error::while_doing(what.clone()))?,
        };
        let entries = msgpack::from_bytes(&blob).map_err(Error::while_doing(what))?;
        Ok(Some(Manifest { blob, entries }))
    }

    /// Returns what is uploaded of an app.
    pub(crate) async fn uploaded(&self, app: &str) -> Result<Uploaded> {
        let package = match self.0.read(PACKAGES, app).await {
            Err(error) if error.is_not_found() => None,
            read => Some(read.map_err(Error::while_doing(format!("the package of `{app}` cannot be read")))?),
        };
        Ok(Uploaded { package, manifest: self.manifest(app).await? })
    }

    /// Replaces what is uploaded, and reads it back. What does not differ is not written. After an error the former version is
    /// restored, as far as the storage still answers; the error says whether it is.
    ///
    /// This is not to be cancelled: a node that starts the app meanwhile could read the new package and the former manifest.
    pub(crate) async fn replace(&self, app: &str, former: &Uploaded, new: &Uploaded) -> Result<()> {
        let replaced = self.write(app, former, new).await;
        let Err(error) = replaced else { return Ok(()) };
        match self.restore(app, former).await {
            Ok(()) => Err(Error::Interrupted {
                restored: format!("`{app}` is what it was"),
                source: Box::new(error),
            }),
            Err(failed) => Err(Error::Interrupted {
                restored: format!(
                    "what `{app}` was cannot be restored ({failed}), so that its package and its manifest may be of two \
                     versions: upload it again when the storage answers"
                ),
                source: Box::new(error),
            }),
        }
    }

    async fn write(&self, app: &str, former: &Uploaded, new: &Uploaded) -> Result<()> {
        if new.package != former.package {
            self.put(PACKAGES, app, new.package.as_ref()).await?;
        }
        let (former, new) = (former.manifest_blob(), new.manifest_blob());
        if new == former { Ok(()) } else { self.put(MANIFESTS, app, new).await }
    }

    /// Writes again what is not what it was.
    async fn restore(&self, app: &str, former: &Uploaded) -> Result<()> {
        self.restore_blob(PACKAGES, app, former.package.as_ref()).await?;
        self.restore_blob(MANIFESTS, app, former.manifest_blob()).await
    }

    async fn restore_blob(&self, collection: &str, app: &str, former: Option<&Bytes>) -> Result<()> {
        let is_former = match self.0.read(collection, app).await {
            Ok(stored) => Some(&stored) == former,
            Err(error) => error.is_not_found() && former.is_none(),
        };
        if is_former { Ok(()) } else { self.put(collection, app, former).await }
    }

    async fn put(&self, collection: &str, app: &str, blob: Option<&Bytes>) -> Result<()> {
        match blob {
            Some(blob) => self.store(collection, app, blob, "app").await,
            None => match self.0.remove(collection, app).await {
                Err(error) if !error.is_not_found() => {
                    Err(Error::while_doing(format!("{collection}/{app} cannot be removed"))(error))
                }
                _ => Ok(()),
            },
        }
    }

    /// Writes the profile that needs nothing but an embedded node or a core of the original, unless there is one of this name.
    pub(crate) async fn create_profile(&self, name: &str) -> Result<()> {
        match self.0.read(PROFILES, name).await {
            Err(error) if error.is_not_found() => {}
            read => {
                let what = format!("the profile `{name}` cannot be read");
                return read.map(drop).map_err(Error::while_doing(what));
            }
        }
        let isolate = Value::Map(vec![("type".into(), "legacy_process".into())]);
        let profile = encode(&BTreeMap::from([("isolate", isolate)]));
        let profile = profile.map_err(Error::while_doing("the profile cannot be encoded"))?;
        self.store(PROFILES, name, &profile, "profile").await
    }

    async fn store(&self, collection: &str, key: &str, blob: &Bytes, tag: &str) -> Result<()> {
        let what = |done: &str| format!("{collection}/{key} cannot be {done}");
        self.0
            .write(collection, key, blob, Some(&[tag]))
            .await
            .map_err(Error::while_doing(what("written")))?;
        let stored = self.0.read(collection, key).await.map_err(Error::while_doing(what("read back")))?;
        if stored == *blob {
            return Ok(());
        }
        Err(Error::Failed(format!(
            "{collection}/{key} is not what was written: somebody else uploads it, too"
        )))
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

fn encode(value: &(impl serde::Serialize + ?Sized)) -> CloudResult<Bytes> {
    msgpack::to_vec(value).map(Bytes::from)
}

#[cfg(test)]
mod tests;
