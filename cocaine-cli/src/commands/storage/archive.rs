//! Exports and imports.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine_bindings::StorageClient;
use serde::Serialize;

use super::collections;
use crate::{
    commands::confirmation::Confirmation,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    output::{Progress, Row},
    storage_archive::{
        ArchiveFile, Change, Export, Import, PlannedBlob, select_all, select_collections, write_archive,
    },
};

/// Writes blobs into a tar file
///
/// Examples:
///
///   cocaine storage export --to storage.tar
///
///   cocaine storage export notes --tag today --tag urgent --to notes.tar
///
/// Without a collection, those are all that nodes and this program write. Blobs are found by tags: those of the known collections, or
/// those that have one of the given ones. A storage does not tell tags: the file has those by which a blob was found.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct ExportBlobs {
    /// The collections
    #[arg(value_name = "COLLECTION", add = ArgValueCandidates::new(collections))]
    collections: Vec<String>,
    /// The file, which is replaced as a whole
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Write the blobs that have this tag; may be given several times
    #[arg(long, value_name = "TAG", requires = "collections")]
    tag: Vec<String>,
}

/// Writes the blobs of a file into the storage
///
/// Examples:
///
///   cocaine storage import storage.tar --dry-run
///
///   cocaine storage import storage.tar profiles runlists --yes
///
/// Prints what is not the same, and asks before it writes. What is written is read back. Blobs that are not in the file stay, and so do tags: they
/// can only be added. If it is interrupted, repeat it: what is the same is left out.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct ImportBlobs {
    /// The file
    file: PathBuf,
    /// Only these collections
    #[arg(value_name = "COLLECTION", add = ArgValueCandidates::new(collections))]
    collections: Vec<String>,
    /// Give all of them this tag as well; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) async fn export(
    args: &ExportBlobs,
    storage: &StorageClient,
    environment: &Environment,
) -> Result<ExitStatus> {
    let ExportBlobs { collections, to, tag } = args;
    let progress = Progress::start(format!("exporting to {}", to.display()));
    let selection = if collections.is_empty() {
        select_all(storage).await?
    } else {
        select_collections(storage, collections, tag).await?
    };
    let Export { blobs, bytes, removed } = write_archive(storage, selection, to).await?;
    drop(progress);
    for name in removed {
        environment.output.note(format_args!("{name} was removed meanwhile, and is left out"));
    }
    environment.output.record(&ExportRow { file: to.display().to_string(), blobs, bytes })?;
    Ok(ExitStatus::Done)
}

pub(super) async fn import(
    args: &ImportBlobs,
    storage: &StorageClient,
    environment: &Environment,
) -> Result<ExitStatus> {
    let path = args.file.clone();
    let progress = Progress::start(format!("comparing {}", path.display()));
    let opened = tokio::task::spawn_blocking(move || ArchiveFile::open(&path)).await;
    let file = opened.map_err(|error| Error::Failed(error.to_string()))??;
    if let Some(collection) =
        args.collections.iter().find(|name| !file.blobs.iter().any(|blob| blob.collection == **name))
    {
        let path = args.file.display();
        return Err(Error::NotFound(format!("{path} has no blob of the collection `{collection}`")));
    }
    let mut blobs = file.blobs.clone();
    blobs.retain(|blob| args.collections.is_empty() || args.collections.contains(&blob.collection));
    for blob in &mut blobs {
        let more = args.tag.iter().filter(|tag| !blob.tags.contains(*tag)).cloned().collect::<Vec<_>>();
        blob.tags.extend(more);
    }
    let import = Import::plan(storage, &file, blobs).await?;
    drop(progress);
    run(&import, args, environment).await?;
    Ok(ExitStatus::Done)
}

async fn run(import: &Import<'_>, args: &ImportBlobs, environment: &Environment) -> Result<()> {
    let (output, path) = (environment.output, args.file.display());
    let changed = import.blobs.iter().filter(|planned| planned.change != Change::Same);
    let rows: Vec<_> = changed.map(PlannedRow::new).collect();
    output.rows(&rows)?;
    let (count, same) = (rows.len(), import.count(Change::Same));
    if count == 0 {
        output.note(format_args!("all {same} blobs of {path} are there already"));
        return Ok(());
    }
    let replaced = import.count(Change::Replace);
    let action = format!("write {count} blobs of {path}, and replace {replaced} by them");
    if args.confirmation.confirm(&action).await? {
        let _progress = Progress::start(format!("importing {path}"));
        import.write().await?;
        output.note(format_args!("{count} blobs are written, {same} were there already"));
    }
    Ok(())
}

/// What was exported.
#[derive(Debug, Serialize)]
struct ExportRow {
    file: String,
    blobs: u64,
    bytes: u64,
}

impl Row for ExportRow {
    const COLUMNS: &'static [&'static str] = &["file", "blobs", "bytes"];

    fn cells(&self) -> Vec<String> {
        vec![self.file.clone(), self.blobs.to_string(), self.bytes.to_string()]
    }
}

/// A blob that is not the same.
#[derive(Debug, Serialize)]
struct PlannedRow {
    collection: String,
    key: String,
    bytes: u64,
    change: Change,
}

impl PlannedRow {
    fn new(planned: &PlannedBlob) -> Self {
        let PlannedBlob { blob, change } = planned;
        let (collection, key) = (blob.collection.clone(), blob.key.clone());
        Self { collection, key, bytes: blob.size, change: *change }
    }
}

impl Row for PlannedRow {
    const COLUMNS: &'static [&'static str] = &["change", "collection", "key", "bytes"];

    fn cells(&self) -> Vec<String> {
        vec![self.change.name().to_owned(), self.collection.clone(), self.key.clone(), self.bytes.to_string()]
    }
}
