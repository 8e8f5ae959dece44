//! Brings what is in a file back into a storage.

use std::collections::{BTreeMap, BTreeSet};

use cocaine::Bytes;
use cocaine_bindings::{Storage as _, StorageClient};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::{ArchiveFile, IndexedBlob, MAX_CALLS, hash};
use crate::error::{Error, Result, is_blob_missing};

/// What happens to a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    Create,
    Replace,
    /// The same bytes, which lack a tag.
    Tag,
    Same,
}

impl Change {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Tag => "tag",
            Self::Same => "same",
        }
    }
}

/// A blob of the file, and what happens to it.
#[derive(Debug)]
pub(crate) struct PlannedBlob {
    pub(crate) blob: IndexedBlob,
    pub(crate) change: Change,
}

/// What is to be done to a storage.
#[derive(Debug)]
pub(crate) struct Import<'a> {
    storage: &'a StorageClient,
    file: &'a ArchiveFile,
    pub(crate) blobs: Vec<PlannedBlob>,
}

impl<'a> Import<'a> {
    /// Compares what is in the file with what is stored. What is the same is not written, so that an import can be repeated.
    ///
    /// # Errors
    /// A key is that of a tag.
    pub(crate) async fn plan(
        storage: &'a StorageClient,
        file: &'a ArchiveFile,
        blobs: Vec<IndexedBlob>,
    ) -> Result<Self> {
        let tags: BTreeSet<_> = blobs
            .iter()
            .flat_map(|blob| blob.tags.iter().map(|tag| (blob.collection.clone(), tag.clone())))
            .collect();
        if let Some(blob) =
            blobs.iter().find(|blob| tags.contains(&(blob.collection.clone(), blob.key.clone())))
        {
            return Err(Error::Failed(format!(
                "{} has the name of a tag of its collection, which an original runtime confuses with it: import the other \
                 collections, or leave it out of the export",
                blob.name()
            )));
        }
        let mut tagged = BTreeMap::new();
        for (collection, tag) in tags {
            let found = storage.find(&collection, &[&tag]).await;
            let found = found.map_err(Error::while_doing(format!("`{collection}` cannot be listed")))?;
            tagged.insert((collection, tag), found.into_iter().collect::<BTreeSet<_>>());
        }
        let tagged = &tagged;
        let comparisons = blobs.into_iter().map(|blob| async move {
            let change = compare(storage, &blob, tagged).await?;
            Ok::<_, Error>(PlannedBlob { blob, change })
        });
        let blobs = stream::iter(comparisons).buffered(MAX_CALLS).try_collect().await?;
        Ok(Self { storage, file, blobs })
    }

    /// Returns how many blobs have a change.
    pub(crate) fn count(&self, change: Change) -> usize {
        self.blobs.iter().filter(|planned| planned.change == change).count()
    }

    /// Writes what is not the same, and reads it back.
    pub(crate) async fn write(&self) -> Result<()> {
        let wanted = self.blobs.iter().filter(|planned| planned.change != Change::Same);
        let wanted: BTreeMap<_, _> =
            wanted.map(|planned| (planned.blob.file.as_str(), &planned.blob)).collect();
        let mut reader = self.file.read_blobs()?;
        let writes = reader.blobs(&wanted)?.map(|read| async {
            let (blob, bytes) = read?;
            self.write_blob(&blob, &Bytes::from(bytes)).await
        });
        stream::iter(writes).buffer_unordered(MAX_CALLS).try_collect().await
    }

    async fn write_blob(&self, blob: &IndexedBlob, bytes: &Bytes) -> Result<()> {
        let IndexedBlob { collection, key, tags, .. } = blob;
        let tags: Vec<_> = tags.iter().map(String::as_str).collect();
        let failed = |verb: &str| Error::while_doing(format!("{} cannot be {verb}", blob.name()));
        self.storage.write(collection, key, bytes, Some(&tags)).await.map_err(failed("written"))?;
        let stored = self.storage.read(collection, key).await.map_err(failed("read back"))?;
        if stored == *bytes {
            return Ok(());
        }
        Err(Error::Failed(format!("{} is not what was written: somebody else changes it, too", blob.name())))
    }
}

async fn compare(
    storage: &StorageClient,
    blob: &IndexedBlob,
    tagged: &BTreeMap<(String, String), BTreeSet<String>>,
) -> Result<Change> {
    let stored = match storage.read(&blob.collection, &blob.key).await {
        Err(error) if is_blob_missing(&error) => return Ok(Change::Create),
        stored => stored.map_err(Error::while_doing(format!("{} cannot be read", blob.name())))?,
    };
    if stored.len() as u64 != blob.size || hash(&stored) != blob.sha256 {
        return Ok(Change::Replace);
    }
    let has = |tag: &String| {
        let keys = tagged.get(&(blob.collection.clone(), tag.clone()));
        keys.is_some_and(|keys| keys.contains(&blob.key))
    };
    Ok(if blob.tags.iter().all(has) { Change::Same } else { Change::Tag })
}
