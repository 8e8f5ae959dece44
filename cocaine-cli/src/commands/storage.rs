//! `cocaine storage`.

mod archive;

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use clap_complete::{ArgValueCandidates, CompletionCandidate};
use cocaine::{Bytes, ServiceClient as _, Value, msgpack};
use cocaine_bindings::{Storage as _, StorageClient};
use serde::Serialize;

use super::{argument_before, confirmation::Confirmation, interruption::until_interrupted};
use crate::{
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    json::data_to_json,
    output::{Progress, Row, size},
    records::RecordKind,
};

/// How long a call may take. Blobs are large.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// Lists, reads and writes blobs
#[derive(Debug, Subcommand)]
pub(super) enum StorageCommand {
    Export(archive::ExportBlobs),
    Import(archive::ImportBlobs),
    #[command(visible_alias = "ls")]
    List(ListBlobs),
    Get(GetBlob),
    Put(PutBlob),
    #[command(visible_alias = "rm")]
    Remove(RemoveBlob),
}

/// Lists the keys of a collection
///
/// Examples:
///
///   cocaine storage list manifests
///
///   cocaine storage ls notes --tag today --tag urgent
///
/// A blob is found by its tags alone: one without tags is in no list. Several tags find what has all of them.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ListBlobs {
    /// The collection
    #[arg(add = ArgValueCandidates::new(collections))]
    collection: String,
    /// A tag; may be left out for `manifests`, `apps`, `profiles`, `runlists` and `groups`
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
}

/// Prints a blob, or writes it to a file
///
/// Examples:
///
///   cocaine storage get manifests shop --decode
///
///   cocaine storage get apps shop --to shop.tar
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct GetBlob {
    /// The collection
    #[arg(add = ArgValueCandidates::new(collections))]
    collection: String,
    /// The key
    #[arg(add = ArgValueCandidates::new(keys))]
    key: String,
    /// Write it to this file, which is replaced as a whole
    #[arg(long, value_name = "FILE", conflicts_with = "decode")]
    to: Option<PathBuf>,
    /// Print the value that it is the encoding of, as JSON
    #[arg(long)]
    decode: bool,
}

/// Writes a blob from a file or from standard input
///
/// Examples:
///
///   cocaine storage put notes today note.txt --tag urgent
///
///   date | cocaine storage put notes now -
///
/// A blob of this key is replaced; its tags stay, and only more can be added.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct PutBlob {
    /// The collection
    #[arg(add = ArgValueCandidates::new(collections))]
    collection: String,
    /// The key
    #[arg(add = ArgValueCandidates::new(keys))]
    key: String,
    /// The file; `-` is standard input
    file: PathBuf,
    /// A tag by which it is found; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
}

/// Removes blobs
///
/// Examples:
///
///   cocaine storage remove notes today
///
///   cocaine storage rm notes today tomorrow --yes
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct RemoveBlob {
    /// The collection
    #[arg(add = ArgValueCandidates::new(collections))]
    collection: String,
    /// The keys
    #[arg(required = true, add = ArgValueCandidates::new(keys))]
    keys: Vec<String>,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl StorageCommand {
    pub(super) async fn run(&self, environment: &Environment) -> Result<ExitStatus> {
        until_interrupted(async {
            let cloud = environment.cloud()?;
            let storage: StorageClient = environment.service(&cloud).await?;
            let storage = storage.with_deadline(environment.timeout_or(DEFAULT_TIMEOUT)?);
            match self {
                Self::Export(args) => archive::export(args, &storage, environment).await,
                Self::Import(args) => archive::import(args, &storage, environment).await,
                Self::List(args) => list(args, &storage, environment).await,
                Self::Get(args) => get(args, &storage, environment).await,
                Self::Put(args) => put(args, &storage, environment).await,
                Self::Remove(args) => remove(args, &storage, environment).await,
            }
        })
        .await
    }
}

/// Returns the collections of which the tag is known, for a shell.
fn collections() -> Vec<CompletionCandidate> {
    RecordKind::ALL.iter().map(|kind| CompletionCandidate::new(kind.collection)).collect()
}

/// Returns the keys of the collection that the command line names, for a shell.
fn keys() -> Vec<CompletionCandidate> {
    let collection = argument_before("collection").unwrap_or_default();
    RecordKind::of_collection(&collection).map(completion::records).unwrap_or_default()
}

async fn list(args: &ListBlobs, storage: &StorageClient, environment: &Environment) -> Result<ExitStatus> {
    let ListBlobs { collection, tag } = args;
    let mut tags: Vec<_> = tag.iter().map(String::as_str).collect();
    if tags.is_empty() {
        let known = RecordKind::of_collection(collection).ok_or_else(|| {
            Error::Usage(format!(
                "`{collection}` is listed by tags: `--tag TAG`; what has none cannot be listed"
            ))
        })?;
        tags.push(known.tags[0]);
    }
    let keys = storage.find(collection, &tags).await;
    let keys = keys.map_err(Error::while_doing(format!("`{collection}` cannot be listed")))?;
    let rows: Vec<_> = keys.into_iter().map(|key| KeyRow { key }).collect();
    environment.output.rows(&rows)?;
    Ok(ExitStatus::Done)
}

async fn get(args: &GetBlob, storage: &StorageClient, environment: &Environment) -> Result<ExitStatus> {
    let GetBlob { collection, key, to, decode } = args;
    let progress = Progress::start(format!("reading {collection}/{key}"));
    let blob = storage.read(collection, key).await;
    drop(progress);
    let blob = blob.map_err(Error::while_doing(format!("{collection}/{key} cannot be read")))?;
    match to {
        _ if *decode => {
            let value: Value = msgpack::from_bytes(&blob)
                .map_err(Error::while_doing(format!("{collection}/{key} is the encoding of no value")))?;
            environment.output.json(&data_to_json(&value))?;
        }
        Some(path) => {
            write_file(path, &blob)?;
            environment.output.note(format_args!("{} has {} bytes", path.display(), blob.len()));
        }
        None => environment.output.bytes(&blob)?,
    }
    Ok(ExitStatus::Done)
}

/// Writes a file beside the one of this name, and then in its place.
fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    fs::write(&part, bytes).and_then(|()| fs::rename(&part, path)).map_err(|error| {
        let _ = fs::remove_file(&part);
        Error::in_file(path)(error)
    })
}

async fn put(args: &PutBlob, storage: &StorageClient, environment: &Environment) -> Result<ExitStatus> {
    let PutBlob { collection, key, file, tag } = args;
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map_err(Error::in_file(Path::new("standard input")))?;
        bytes
    } else {
        fs::read(file).map_err(Error::in_file(file))?
    };
    let (blob, tags) = (Bytes::from(bytes), tag.iter().map(String::as_str).collect::<Vec<_>>());
    let progress = Progress::start(format!("sending {} of {collection}/{key}", size(blob.len())));
    let written = storage.write(collection, key, &blob, Some(&tags)).await;
    drop(progress);
    written.map_err(Error::while_doing(format!("{collection}/{key} cannot be written")))?;
    environment.output.note(format_args!("{collection}/{key} has {} bytes", blob.len()));
    if tags.is_empty() {
        environment
            .output
            .note("it has no tag from now on, unless it had one: `cocaine storage ls` does not list it");
    }
    Ok(ExitStatus::Done)
}

async fn remove(args: &RemoveBlob, storage: &StorageClient, environment: &Environment) -> Result<ExitStatus> {
    let RemoveBlob { collection, keys, confirmation } = args;
    let names = keys.iter().map(|key| format!("{collection}/{key}")).collect::<Vec<_>>().join(", ");
    if !confirmation.confirm(&format!("remove {names}")).await? {
        return Ok(ExitStatus::Done);
    }
    for key in keys {
        // The service does not say whether there was one.
        let failed = || Error::while_doing(format!("{collection}/{key} cannot be removed"));
        storage.read(collection, key).await.map_err(failed())?;
        storage.remove(collection, key).await.map_err(failed())?;
        environment.output.note(format_args!("{collection}/{key} is removed"));
    }
    Ok(ExitStatus::Done)
}

/// A key, as it is printed in a list.
#[derive(Debug, Serialize)]
struct KeyRow {
    key: String,
}

impl Row for KeyRow {
    const COLUMNS: &'static [&'static str] = &["key"];

    fn cells(&self) -> Vec<String> {
        vec![self.key.clone()]
    }
}
