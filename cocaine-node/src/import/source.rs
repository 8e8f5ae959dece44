//! What is in an original's folder.
//!
//! ```text
//!   manifests/shop          the blob of the key `shop` in the collection `manifests`
//!   manifests/app/shop ->   the key `shop` has the tag `app`
//!   manifests/app/old  ->   a key that was removed: the original removes such a link later
//!   site/pages/index        a collection whose name is `site/pages`, since it has blobs and no links
//!   site/pages/live/index ->
//! ```
//!
//! A folder within a collection is a tag if it has links; files beside them have keys with the tag's name before theirs.

use std::{
    collections::HashMap,
    ffi::CString,
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use cocaine::text;

use super::{
    error::ImportError,
    folder::{Folder, FolderEntries, as_path},
    report::SkippedFile,
};

/// The longest blob: a longer one fits into no frame, so that no client could read it.
const MAX_BLOB_BYTES: u64 = 512 << 20;
/// Folders within folders. Names of collections and tags have few slashes.
const MAX_DEPTH: usize = 32;

const OUTSIDE: &str = "it is in no collection";
const LINKED: &str = "links are not followed: put what it leads to in its place";
const NO_FILE: &str = "it is neither a file nor a folder";
const NO_OBJECT: &str = "the object that it tags was removed";
const TOO_LARGE: &str = "it has more than 512 MiB, which no client could read";
const TOO_DEEP: &str = "it lies in too many folders";

/// An object of an original's storage.
#[derive(Debug)]
pub(super) struct SourceObject {
    pub(super) collection: String,
    pub(super) key: String,
    pub(super) tags: Vec<String>,
    /// The path of its file in the folder.
    path: PathBuf,
}

impl SourceObject {
    pub(super) fn name(&self) -> String {
        super::report::printable(&format!("{}/{}", self.collection, self.key))
    }
}

/// The content of an original's folder.
#[derive(Debug)]
pub(super) struct SourceFolder {
    path: PathBuf,
    root: Folder,
    /// The folders right below it.
    pub(super) collections: usize,
    pub(super) objects: Vec<SourceObject>,
    pub(super) skipped: Vec<SkippedFile>,
}

/// A collection while its folder is read.
struct Collection {
    path: PathBuf,
    /// The places of its objects among all, by the names of their files.
    objects: HashMap<CString, usize>,
}

impl SourceFolder {
    /// Lists a folder.
    pub(super) fn read(path: &Path) -> Result<Self, ImportError> {
        let failed = |source| ImportError::Read { path: path.into(), source };
        let root = Folder::open(path).map_err(failed)?;
        let entries = root.entries().map_err(failed)?;
        let (path, collections) = (path.to_owned(), entries.folders.len());
        let mut source = Self { path, root, collections, objects: Vec::new(), skipped: Vec::new() };
        for (name, _) in &entries.files {
            source.skip(as_path(name), OUTSIDE);
        }
        source.skip_unusable(Path::new(""), &entries);
        for name in &entries.folders {
            source.visit(as_path(name), None, 1)?;
        }
        Ok(source)
    }

    /// Reads the blob of an object.
    pub(super) fn read_object(&self, object: &SourceObject) -> Result<Vec<u8>, ImportError> {
        let content = self.root.read_file(&object.path, MAX_BLOB_BYTES);
        content.map_err(|error| self.unreadable(&object.path, error))
    }

    fn unreadable(&self, path: &Path, source: io::Error) -> ImportError {
        ImportError::Read { path: self.path.join(path), source }
    }

    /// Reads a folder, which is a collection, or one of a collection's tags.
    fn visit(&mut self, path: &Path, within: Option<&Collection>, depth: usize) -> Result<(), ImportError> {
        if depth > MAX_DEPTH {
            self.skip(path, TOO_DEEP);
            return Ok(());
        }
        let entries = self.root.open_folder(path).and_then(|folder| folder.entries());
        let entries = entries.map_err(|error| self.unreadable(path, error))?;
        let own;
        let collection = match within {
            Some(collection) if entries.files.is_empty() || !entries.links.is_empty() => {
                self.add_tag(path, collection, &entries);
                collection
            }
            _ => {
                own = self.add_collection(path, &entries);
                &own
            }
        };
        for name in &entries.folders {
            self.visit(&path.join(as_path(name)), Some(collection), depth + 1)?;
        }
        Ok(())
    }

    fn add_collection(&mut self, path: &Path, entries: &FolderEntries) -> Collection {
        let mut collection = Collection { path: path.to_owned(), objects: HashMap::new() };
        for (name, length) in &entries.files {
            if let Some(place) = self.add_object(path, path.join(as_path(name)), *length) {
                collection.objects.insert(name.clone(), place);
            }
        }
        self.skip_unusable(path, entries);
        collection
    }

    /// Adds the tag to the objects that the folder at `path` has links of.
    fn add_tag(&mut self, path: &Path, collection: &Collection, entries: &FolderEntries) {
        let tag = to_text(path.strip_prefix(&collection.path).unwrap_or(path));
        for (name, length) in &entries.files {
            self.add_object(&collection.path, path.join(as_path(name)), *length);
        }
        for name in &entries.links {
            match collection.objects.get(name) {
                Some(place) => self.objects[*place].tags.push(tag.clone()),
                None => self.skip(&path.join(as_path(name)), NO_OBJECT),
            }
        }
        for name in &entries.others {
            self.skip(&path.join(as_path(name)), NO_FILE);
        }
    }

    /// Adds an object of a collection, and returns its place.
    fn add_object(&mut self, collection: &Path, path: PathBuf, length: u64) -> Option<usize> {
        if length > MAX_BLOB_BYTES {
            self.skip(&path, TOO_LARGE);
            return None;
        }
        let key = to_text(path.strip_prefix(collection).unwrap_or(&path));
        self.objects.push(SourceObject { collection: to_text(collection), key, tags: Vec::new(), path });
        Some(self.objects.len() - 1)
    }

    fn skip_unusable(&mut self, path: &Path, entries: &FolderEntries) {
        for name in &entries.links {
            self.skip(&path.join(as_path(name)), LINKED);
        }
        for name in &entries.others {
            self.skip(&path.join(as_path(name)), NO_FILE);
        }
    }

    fn skip(&mut self, path: &Path, reason: &'static str) {
        self.skipped.push(SkippedFile { path: path.into(), reason });
    }
}

/// Returns a path as a name of the storage, which may be any bytes.
fn to_text(path: &Path) -> String {
    text::from_bytes(path.as_os_str().as_bytes()).into_owned()
}
