//! `manifest.json`: the keys of a manifest beside the files of an app, as `cocaine-tool` reads it.

use std::{collections::BTreeMap, fs, io, path::Path};

use cocaine::Value;

use crate::error::{Error, Result};

/// The name of the file.
const FILE: &str = "manifest.json";

/// The most bytes of a manifest that a node reads.
const MAX_BYTES: u64 = 1 << 20;

/// Reads the manifest of a folder; it is empty without a file.
pub(super) fn read_in_folder(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let path = folder.join(FILE);
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        _ => read_manifest(&path),
    }
}

/// Reads the keys of a manifest from a file of JSON.
pub(crate) fn read_manifest(path: &Path) -> Result<BTreeMap<String, Value>> {
    let metadata = fs::metadata(path).map_err(Error::in_file(path))?;
    if !metadata.is_file() {
        return Err(Error::in_file(path)("is no file"));
    }
    if metadata.len() > MAX_BYTES {
        let reason = format!("has {} bytes, and a manifest at most {MAX_BYTES}", metadata.len());
        return Err(Error::in_file(path)(reason));
    }
    let text = fs::read(path).map_err(Error::in_file(path))?;
    serde_json::from_slice(&text).map_err(|error| Error::in_file(path)(format!("is no manifest: {error}")))
}
