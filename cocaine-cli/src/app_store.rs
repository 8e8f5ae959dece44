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

/// What is uploaded.
#[derive(Debug)]
pub(crate) struct AppStore(StorageClient);

/// The manifest of an app, with all its keys.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    blob: Bytes,
    entries: BTreeMap<String, Value>,
}

impl AppStore {
    /// Returns what is uploaded in a storage. A call may take `limit`.
    pub(crate) fn new(storage: &StorageClient, limit: Duration) -> Self {
        Self(storage.with_deadline(limit))
    }

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

    /// Writes the package and then the manifest, and reads both back.
    pub(crate) async fn write(&self, app: &str, package: &Bytes, manifest: &Manifest) -> Result<()> {
        self.store(PACKAGES, app, package, "app").await?;
        self.store(MANIFESTS, app, &manifest.blob, "app").await.map_err(|error| match error {
            Error::Cloud { what, source } => {
                let what = format!("{what}, and its package is the new one already: upload it again");
                Error::Cloud { what, source }
            }
            other => other,
        })
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
    /// Returns the manifest of a program with this schema. All other keys are those of the manifest that is there now.
    pub(crate) fn new(current: Option<&Self>, program: &str, schema: Option<&AppSchema>) -> Result<Self> {
        let failed = Error::while_doing("the manifest cannot be encoded");
        let mut entries = current.map(|current| current.entries.clone()).unwrap_or_default();
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

    /// Returns the schema, if the manifest has one.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn schema(&self) -> CloudResult<Option<AppSchema>> {
        AppSchema::from_manifest(&self.blob)
    }
}

/// Returns a package as it is stored: an encoded raw.
pub(crate) fn encode_package(package: &Bytes) -> Result<Bytes> {
    encode(package).map_err(Error::while_doing("the package cannot be encoded"))
}

fn encode(value: &(impl serde::Serialize + ?Sized)) -> CloudResult<Bytes> {
    msgpack::to_vec(value).map(Bytes::from)
}
