//! Reads the file.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use tar::{Archive, Entry};

use super::{INDEX, Index, IndexedBlob, VERSION, hex};
use crate::error::{Error, Result};

/// The most bytes of an index.
const MAX_INDEX: u64 = 256 << 20;

/// A file whose blobs are all there, and are what the index says.
#[derive(Debug)]
pub(crate) struct ArchiveFile {
    path: PathBuf,
    pub(crate) blobs: Vec<IndexedBlob>,
}

impl ArchiveFile {
    /// Opens a file, and checks all of it.
    ///
    /// # Errors
    /// It cannot be read, or is not what was written.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed =
            |error| Error::in_file(path)(format!("is no whole file of `cocaine storage export`: {error}"));
        let mut archive = Archive::new(File::open(path).map_err(Error::in_file(path))?);
        let (mut index, mut hashes) = (None, BTreeMap::new());
        for entry in archive.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = name_of(&entry);
            if name == INDEX {
                index = Some(serde_json::from_reader::<_, Index>(entry.take(MAX_INDEX)));
            } else {
                let hash = hash_of(entry).map_err(failed)?;
                hashes.insert(name, hash);
            }
        }
        let index = index.ok_or_else(|| failed(io::Error::other("it has no index.json")))?;
        let index = index.map_err(|error| failed(error.into()))?;
        if index.version != VERSION {
            let version = index.version;
            return Err(Error::in_file(path)(format!(
                "has the format {version}, and this program reads {VERSION}: another version of it wrote the file"
            )));
        }
        for blob in &index.blobs {
            if hashes.get(&blob.file) != Some(&(blob.size, blob.sha256.clone())) {
                let name = blob.name();
                return Err(Error::in_file(path)(format!("{name} is missing, or is not what was exported")));
            }
        }
        Ok(Self { path: path.to_owned(), blobs: index.blobs })
    }

    /// Opens the file once more, for the bytes of its blobs.
    pub(super) fn read_blobs(&self) -> Result<BlobReader<'_>> {
        let archive = Archive::new(File::open(&self.path).map_err(Error::in_file(&self.path))?);
        Ok(BlobReader { file: self, archive })
    }
}

/// The blobs of a file.
pub(super) struct BlobReader<'a> {
    file: &'a ArchiveFile,
    archive: Archive<File>,
}

impl BlobReader<'_> {
    /// Returns the blobs that have these names in the file, in its order; each is read when it is asked for.
    pub(super) fn blobs<'b>(
        &'b mut self,
        wanted: &'b BTreeMap<&str, &IndexedBlob>,
    ) -> Result<impl Iterator<Item = Result<(IndexedBlob, Vec<u8>)>> + 'b> {
        let path = &self.file.path;
        let entries = self.archive.entries().map_err(Error::in_file(path))?;
        let read = move |entry: io::Result<Entry<'b, File>>| -> io::Result<Option<(IndexedBlob, Vec<u8>)>> {
            let mut entry = entry?;
            let name = name_of(&entry);
            let Some(blob) = wanted.get(name.as_str()) else { return Ok(None) };
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            Ok(Some(((*blob).clone(), bytes)))
        };
        Ok(entries.filter_map(move |entry| read(entry).map_err(Error::in_file(path)).transpose()))
    }
}

fn name_of(entry: &Entry<'_, File>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}

/// Returns how many bytes there are, and their hash.
fn hash_of(mut entry: Entry<'_, File>) -> io::Result<(u64, String)> {
    let (expected, mut hasher, mut len) = (entry.size(), Sha256::new(), 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match entry.read(&mut buffer)? {
            0 if len < expected => return Err(io::ErrorKind::UnexpectedEof.into()),
            0 => return Ok((len, hex(&hasher.finalize()))),
            count => {
                hasher.update(&buffer[..count]);
                len += count as u64;
            }
        }
    }
}
