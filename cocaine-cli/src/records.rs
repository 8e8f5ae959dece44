//! What nodes read from the service `storage` beside packages: maps by name, each kind in a collection of its own, and crashlogs.

mod crashlogs;

use std::{collections::BTreeMap, time::Duration};

use cocaine::{Bytes, ServiceClient as _, Value, msgpack};
use cocaine_bindings::{Storage as _, StorageClient};
use tokio::task::JoinSet;

use crate::error::{Error, Result, is_blob_missing};

pub(crate) use crashlogs::Crashlogs;

/// How many records are read at the same time.
const MAX_READS: usize = 32;

/// A kind of record (`node.md` 1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordKind {
    pub(crate) collection: &'static str,
    /// All of them are written, and all are asked for.
    pub(crate) tags: &'static [&'static str],
    noun: &'static str,
}

impl RecordKind {
    pub(crate) const MANIFEST: Self = Self { collection: "manifests", tags: &["app"], noun: "app" };
    pub(crate) const PACKAGE: Self = Self { collection: "apps", tags: &["app"], noun: "package" };
    pub(crate) const RUNLIST: Self = Self { collection: "runlists", tags: &["runlist"], noun: "runlist" };
}

/// The entries of a record.
pub(crate) type RecordEntries = BTreeMap<String, Value>;

/// The records of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    storage: StorageClient,
    kind: RecordKind,
}

impl Records {
    /// Returns the records of a kind. A call may take `limit`.
    pub(crate) fn new(storage: &StorageClient, kind: RecordKind, limit: Duration) -> Self {
        Self { storage: storage.with_deadline(limit), kind }
    }

    /// Returns the names of all records that have the tags of their kind, sorted.
    pub(crate) async fn names(&self) -> Result<Vec<String>> {
        let RecordKind { collection, tags, .. } = self.kind;
        let failed = Error::while_doing(format!("the names in the collection `{collection}` cannot be read"));
        self.storage.find(collection, tags).await.map_err(failed)
    }

    /// Returns a record; `None` if there is none of this name.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<RecordEntries>> {
        let what = format!("the {} `{name}` cannot be read", self.kind.noun);
        let blob = match self.storage.read(self.kind.collection, name).await {
            Err(error) if is_blob_missing(&error) => return Ok(None),
            blob => blob.map_err(Error::while_doing(what.clone()))?,
        };
        msgpack::from_bytes(&blob).map(Some).map_err(Error::while_doing(what))
    }

    /// Returns a record.
    ///
    /// # Errors
    /// There is none of this name.
    pub(crate) async fn read(&self, name: &str) -> Result<RecordEntries> {
        self.find(name).await?.ok_or_else(|| self.not_found(name))
    }

    /// Returns the error that there is no record of this name.
    pub(crate) fn not_found(&self, name: &str) -> Error {
        Error::NotFound(format!("there is no {} `{name}`", self.kind.noun))
    }

    /// Reads the records of these names, several at a time. One that is removed meanwhile is left out.
    pub(crate) async fn read_all(&self, names: Vec<String>) -> BTreeMap<String, Result<RecordEntries>> {
        let (mut records, mut reads) = (BTreeMap::new(), JoinSet::new());
        let mut names = names.into_iter();
        loop {
            while reads.len() < MAX_READS
                && let Some(name) = names.next()
            {
                let kind = self.clone();
                reads.spawn(async move {
                    let record = kind.find(&name).await;
                    (name, record)
                });
            }
            let Some(read) = reads.join_next().await else { return records };
            if let Ok((name, Some(record))) = read.map(|(name, record)| (name, record.transpose())) {
                records.insert(name, record);
            }
        }
    }

    /// Writes a record and reads it back.
    pub(crate) async fn write(&self, name: &str, record: &RecordEntries) -> Result<()> {
        let RecordKind { collection, tags, noun } = self.kind;
        let what = |verb: &str| format!("the {noun} `{name}` cannot be {verb}");
        let blob = msgpack::to_vec(record).map_err(Error::while_doing(what("encoded")))?;
        let blob = Bytes::from(blob);
        let written = self.storage.write(collection, name, &blob, Some(tags)).await;
        written.map_err(Error::while_doing(what("written")))?;
        let stored = self.storage.read(collection, name).await;
        if stored.map_err(Error::while_doing(what("read back")))? == blob {
            return Ok(());
        }
        Err(Error::Failed(format!(
            "the {noun} `{name}` is not what was written: somebody else changes it, too; look at it, and try again"
        )))
    }

    /// Removes a record. One that is not there is no error.
    pub(crate) async fn remove(&self, name: &str) -> Result<()> {
        let what = format!("the {} `{name}` cannot be removed", self.kind.noun);
        match self.storage.remove(self.kind.collection, name).await {
            Err(error) if is_blob_missing(&error) => Ok(()),
            removed => removed.map_err(Error::while_doing(what)),
        }
    }
}
