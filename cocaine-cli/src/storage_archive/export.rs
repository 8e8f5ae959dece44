//! Writes the file.

use std::{
    io::{BufWriter, IntoInnerError, Write},
    path::Path,
};

use cocaine::Bytes;
use cocaine_bindings::{Storage as _, StorageClient};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tar::{Builder, Header};
use tempfile::NamedTempFile;

use super::{BlobSelection, INDEX, Index, IndexedBlob, MAX_CALLS, VERSION};
use crate::error::{Error, Result, is_blob_missing};

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Export {
    pub(crate) blobs: u64,
    pub(crate) bytes: u64,
    /// The names of the blobs that somebody else has removed meanwhile.
    pub(crate) removed: Vec<String>,
}

/// Writes the selected blobs into a file, which is replaced as a whole. No more than a few of them are in memory.
pub(crate) async fn write_archive(
    storage: &StorageClient,
    selection: BlobSelection,
    path: &Path,
) -> Result<Export> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // For its owner alone: profiles and manifests have secrets.
    let file = NamedTempFile::new_in(folder).map_err(Error::in_file(folder))?;
    let mut tar = Builder::new(BufWriter::new(file));
    let (mut export, mut index) = (Export::default(), Index { version: VERSION, blobs: Vec::new() });
    let blobs = selection.into_iter().flat_map(|(collection, blobs)| {
        blobs.into_iter().map(move |(key, tags)| (collection.clone(), key, tags.into_iter().collect()))
    });
    let reads = blobs.map(|(collection, key, tags): (String, String, Vec<String>)| async move {
        let blob = read(storage, &collection, &key).await?;
        Ok::<_, Error>((collection, key, tags, blob))
    });
    let mut reads = stream::iter(reads).buffered(MAX_CALLS);
    while let Some((collection, key, tags, blob)) = reads.try_next().await? {
        let Some(blob) = blob else {
            export.removed.push(format!("{collection}/{key}"));
            continue;
        };
        let indexed = IndexedBlob::new(&collection, &key, tags, &blob);
        append(&mut tar, &indexed.file, &blob).map_err(Error::in_file(path))?;
        export.blobs += 1;
        export.bytes += indexed.size;
        index.blobs.push(indexed);
    }
    let index = serde_json::to_vec_pretty(&index).map_err(Error::in_file(path))?;
    append(&mut tar, INDEX, &index).map_err(Error::in_file(path))?;
    let written = tar.into_inner().and_then(|buffer| buffer.into_inner().map_err(IntoInnerError::into_error));
    let file = written.map_err(Error::in_file(path))?;
    file.as_file().sync_all().map_err(Error::in_file(path))?;
    file.persist(path).map_err(Error::in_file(path))?;
    Ok(export)
}

/// Reads a blob; `None` if it is not there any more.
async fn read(storage: &StorageClient, collection: &str, key: &str) -> Result<Option<Bytes>> {
    match storage.read(collection, key).await {
        Err(error) if is_blob_missing(&error) => Ok(None),
        blob => blob.map(Some).map_err(Error::while_doing(format!("{collection}/{key} cannot be read"))),
    }
}

fn append(tar: &mut Builder<impl Write>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(0);
    tar.append_data(&mut header, name, bytes)
}
