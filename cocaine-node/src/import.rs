//! Takes over what an original runtime has stored in files: its storage of the type `files`.
//!
//! The original keeps the blob of a key in `COLLECTION/KEY`, and a tag as a folder `COLLECTION/TAG` with a symbolic link of the
//! key's name. Links are read by their names and never followed; nothing in the folder is changed.
//!
//! All is written in one transaction, while no node uses the data folder. Blobs that are there already are compared:
//! one that differs is replaced only on request.

mod error;
mod folder;
mod report;
mod source;

use std::{
    fs,
    path::{self, PathBuf},
};

use redb::WriteTransaction;

use self::source::{SourceFolder, SourceObject};
pub use self::{
    error::ImportError,
    report::{ImportReport, ImportedCollection, SkippedFile},
};
use crate::store::{OfflineStore, Snapshot, StoreError, blobs};

/// An import of an original's files into a data folder.
#[derive(Clone, Debug)]
pub struct Import {
    folder: PathBuf,
    data: PathBuf,
    replaces: bool,
    is_trial: bool,
}

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ObjectChange {
    Added,
    Unchanged,
    Replaced,
}

/// An object, and what is to be written of it.
struct PlannedObject {
    object: SourceObject,
    change: ObjectChange,
    /// The tags that the stored object does not have.
    tags: Vec<String>,
}

impl Import {
    /// Returns an import of `folder`, the `path` of an original's storage, into the data folder of a node.
    pub fn new(folder: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), data: data.into(), replaces: false, is_trial: false }
    }

    /// Sets whether blobs that are stored already and differ are replaced. By default they are an error.
    #[must_use]
    pub fn replace(self, replaces: bool) -> Self {
        Self { replaces, ..self }
    }

    /// Sets whether nothing is written, and only the report is made.
    #[must_use]
    pub fn dry_run(self, is_trial: bool) -> Self {
        Self { is_trial, ..self }
    }

    /// Reads the folder and writes what it has into the store. This blocks.
    ///
    /// # Errors
    /// A node that uses the data folder, a file that cannot be read, stored blobs that differ, or a failure of the store.
    /// Nothing is written then.
    pub fn run(&self) -> Result<ImportReport, ImportError> {
        self.check_folders()?;
        let mut source = SourceFolder::read(&self.folder)?;
        if source.collections == 0 {
            return Err(ImportError::Empty(self.folder.clone()));
        }
        let store = if self.is_trial {
            OfflineStore::open_existing(&self.data)?
        } else {
            Some(OfflineStore::open(&self.data)?)
        };
        let snapshot = store.as_ref().map(OfflineStore::snapshot).transpose()?;
        let objects = std::mem::take(&mut source.objects);
        let planned = self.plan(&source, objects, snapshot.as_ref())?;
        if let Some(store) = store.filter(|_| !self.is_trial) {
            store.change(|txn| write(txn, &source, &planned))?;
        }
        Ok(report(&planned, source.skipped))
    }

    /// Refuses a node's data in place of an original's, and within it.
    fn check_folders(&self) -> Result<(), ImportError> {
        let failed = |source| ImportError::Read { path: self.folder.clone(), source };
        let folder = fs::canonicalize(&self.folder).map_err(failed)?;
        let data = fs::canonicalize(&self.data).or_else(|_| path::absolute(&self.data)).map_err(failed)?;
        if OfflineStore::is_data_folder(&folder) || data.starts_with(&folder) {
            return Err(ImportError::SameFolder { folder: self.folder.clone(), data: self.data.clone() });
        }
        Ok(())
    }

    /// Compares the objects with those that are stored.
    fn plan(
        &self,
        source: &SourceFolder,
        objects: Vec<SourceObject>,
        stored: Option<&Snapshot>,
    ) -> Result<Vec<PlannedObject>, ImportError> {
        let (mut planned, mut conflicts) = (Vec::with_capacity(objects.len()), Vec::new());
        for object in objects {
            let change = compare(source, &object, stored)?;
            if change == ObjectChange::Replaced && !self.replaces {
                conflicts.push(object.name());
            }
            let mut tags = Vec::new();
            for tag in &object.tags {
                let is_stored = stored.map(|stored| stored.has_tag(&object.collection, &object.key, tag));
                if !is_stored.transpose()?.unwrap_or(false) {
                    tags.push(tag.clone());
                }
            }
            planned.push(PlannedObject { object, change, tags });
        }
        if conflicts.is_empty() { Ok(planned) } else { Err(ImportError::Conflicts(conflicts)) }
    }
}

fn compare(
    source: &SourceFolder,
    object: &SourceObject,
    stored: Option<&Snapshot>,
) -> Result<ObjectChange, ImportError> {
    let Some(stored) = stored else { return Ok(ObjectChange::Added) };
    match stored.read(&object.collection, &object.key) {
        Err(StoreError::NotFound { .. }) => Ok(ObjectChange::Added),
        Err(error) => Err(error.into()),
        Ok(blob) if blob == source.read_object(object)? => Ok(ObjectChange::Unchanged),
        Ok(_) => Ok(ObjectChange::Replaced),
    }
}

fn write(
    txn: &WriteTransaction,
    source: &SourceFolder,
    planned: &[PlannedObject],
) -> Result<(), ImportError> {
    for PlannedObject { object, change, tags } in planned {
        let (collection, key) = (object.collection.as_str(), object.key.as_str());
        let tags = tags.iter().map(String::as_str);
        match change {
            ObjectChange::Unchanged => blobs::add_tags(txn, collection, key, tags)?,
            ObjectChange::Added | ObjectChange::Replaced => {
                blobs::write(txn, collection, key, &source.read_object(object)?, tags)?;
            }
        }
    }
    Ok(())
}

fn report(planned: &[PlannedObject], skipped: Vec<SkippedFile>) -> ImportReport {
    let mut report = ImportReport { skipped, ..ImportReport::default() };
    for PlannedObject { object, change, tags } in planned {
        let counts = report.collections.entry(object.collection.clone()).or_default();
        match change {
            ObjectChange::Added => counts.added += 1,
            ObjectChange::Unchanged => counts.unchanged += 1,
            ObjectChange::Replaced => counts.replaced += 1,
        }
        counts.tags += tags.len();
    }
    report
}
