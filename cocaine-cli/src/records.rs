//! What nodes read from the service `storage` beside packages: maps by name, each kind in a collection of its own, and crashlogs.

mod crashlogs;
mod kind;
mod profile;

use std::{collections::BTreeMap, time::Duration};

use cocaine::{Bytes, ServiceClient as _, Value, msgpack};
use cocaine_bindings::{Storage, StorageClient};
use futures_util::{StreamExt as _, stream};

use crate::error::{Error, Result, is_blob_missing};

pub(crate) use crashlogs::{CRASHLOGS, CrashlogKey, Crashlogs};
pub(crate) use kind::RecordKind;
pub(crate) use profile::{check_profile, insert_value, remove_value};

/// How many records are read or removed at the same time.
const MAX_CALLS: usize = 32;
/// How often a change is made again after somebody else has written the same record.
const MAX_ATTEMPTS: usize = 5;

/// The entries of a record.
pub(crate) type RecordEntries = BTreeMap<String, Value>;

/// The records of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Records<S = StorageClient> {
    storage: S,
    kind: RecordKind,
}

impl Records {
    /// Returns the records of a kind. A call may take `limit`.
    pub(crate) fn new(storage: &StorageClient, kind: RecordKind, limit: Duration) -> Self {
        Self { storage: storage.with_deadline(limit), kind }
    }
}

impl<S: Storage> Records<S> {
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
        let reads = names.into_iter().map(|name| async {
            let record = self.find(&name).await.transpose()?;
            Some((name, record))
        });
        stream::iter(reads).buffer_unordered(MAX_CALLS).filter_map(|read| async { read }).collect().await
    }

    /// Returns all records. Those that cannot be read are errors.
    pub(crate) async fn all(&self) -> Result<BTreeMap<String, Result<RecordEntries>>> {
        Ok(self.read_all(self.names().await?).await)
    }

    /// Writes a record and reads it back.
    pub(crate) async fn write(&self, name: &str, record: &RecordEntries) -> Result<()> {
        let noun = self.kind.noun;
        if self.store(name, record).await? == *record {
            return Ok(());
        }
        Err(Error::Failed(format!(
            "the {noun} `{name}` is not what was written: somebody else changes it, too; look at it, and try again"
        )))
    }

    /// Changes a record, and returns it as it is stored then. The storage cannot compare and replace: if what is read back is
    /// not what was written, somebody else has written it, and the change is made to theirs.
    ///
    /// # Errors
    /// There is no such record, or others write it all the time.
    pub(crate) async fn update(
        &self,
        name: &str,
        change: impl Fn(&mut RecordEntries) + Send + Sync,
    ) -> Result<RecordEntries> {
        let mut current = self.read(name).await?;
        for _ in 0..MAX_ATTEMPTS {
            let mut changed = current.clone();
            change(&mut changed);
            if changed == current {
                return Ok(current);
            }
            current = self.store(name, &changed).await?;
            if changed == current {
                return Ok(current);
            }
        }
        let noun = self.kind.noun;
        Err(Error::Failed(format!(
            "the {noun} `{name}` is written by somebody else all the time: look at it, and try again"
        )))
    }

    /// Writes a record, and returns what is stored then.
    async fn store(&self, name: &str, record: &RecordEntries) -> Result<RecordEntries> {
        let RecordKind { collection, tags, noun } = self.kind;
        self.check_name(name)?;
        let what = |verb: &str| format!("the {noun} `{name}` cannot be {verb}");
        let blob = msgpack::to_vec(record).map_err(Error::while_doing(what("encoded")))?;
        let written = self.storage.write(collection, name, &Bytes::from(blob), Some(tags)).await;
        written.map_err(Error::while_doing(what("written")))?;
        let stored = self.storage.read(collection, name).await;
        let stored = stored.map_err(Error::while_doing(what("read back")))?;
        msgpack::from_bytes(&stored).map_err(Error::while_doing(what("read back")))
    }

    /// Removes a record. One that is not there is no error.
    pub(crate) async fn remove(&self, name: &str) -> Result<()> {
        self.check_name(name)?;
        let what = format!("the {} `{name}` cannot be removed", self.kind.noun);
        match self.storage.remove(self.kind.collection, name).await {
            Err(error) if is_blob_missing(&error) => Ok(()),
            removed => removed.map_err(Error::while_doing(what)),
        }
    }

    /// Refuses a name that is a tag of the collection: an original storage has a folder of that name in its place, and its
    /// runtime dies of the removal.
    fn check_name(&self, name: &str) -> Result<()> {
        let RecordKind { tags, noun, .. } = self.kind;
        if tags.contains(&name) {
            return Err(Error::Usage(format!(
                "no {noun} can be called `{name}`: it is found by a tag of that name, which an original runtime confuses \
                 with it"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
