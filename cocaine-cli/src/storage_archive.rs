//! Blobs of a storage as a tar file: `COLLECTION/KEY` for each, and then `index.json`, which has their names, tags and hashes.

mod export;
mod file;
mod import;
mod selection;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub(crate) use export::{Export, write_archive};
pub(crate) use file::ArchiveFile;
pub(crate) use import::{Change, Import, PlannedBlob};
pub(crate) use selection::{BlobSelection, select_all, select_collections};

/// The name of the index.
const INDEX: &str = "index.json";
/// The version of the format.
const VERSION: u32 = 1;
/// How many blobs are read or written at the same time, and are in memory.
const MAX_CALLS: usize = 8;
/// The most bytes of a name in the file that are those of a key.
const MAX_NAME: usize = 120;

/// What is in the file.
#[derive(Debug, Deserialize, Serialize)]
struct Index {
    version: u32,
    blobs: Vec<IndexedBlob>,
}

/// A blob of the file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct IndexedBlob {
    /// Its name in the file.
    file: String,
    pub(crate) collection: String,
    pub(crate) key: String,
    /// The tags that are known.
    pub(crate) tags: Vec<String>,
    pub(crate) size: u64,
    sha256: String,
}

impl IndexedBlob {
    fn new(collection: &str, key: &str, tags: Vec<String>, bytes: &[u8]) -> Self {
        Self {
            file: format!("{}/{}", file_name(collection), file_name(key)),
            collection: collection.to_owned(),
            key: key.to_owned(),
            tags,
            size: bytes.len() as u64,
            sha256: hash(bytes),
        }
    }

    /// Returns its name for people.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.collection, self.key)
    }
}

/// Returns the name of a collection or a key in the file. What could be another folder is escaped, and what is too long for a
/// file is cut and ends with its hash.
fn file_name(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric() || b"_-:@+=,".contains(&byte) || byte == b'.' && at > 0;
        if is_plain {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    if escaped.is_empty() {
        escaped.push('%');
    } else if escaped.len() > MAX_NAME {
        escaped.truncate(MAX_NAME);
        escaped.push('~');
        escaped.push_str(&hash(name.as_bytes())[..32]);
    }
    escaped
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_those_of_files() {
        for (name, file) in [
            ("shop_v1.2", "shop_v1.2"),
            ("1700:ab-cd", "1700:ab-cd"),
            ("..", "%2E."),
            ("../a/b", "%2E.%2Fa%2Fb"),
            ("a\u{1b}\n~%", "a%1B%0A%7E%25"),
            ("", "%"),
            ("%", "%25"),
        ] {
            assert_eq!(file_name(name), file, "{name}");
        }
        let long: BTreeSet<_> = ["x", "y"].map(|end| file_name(&("/".repeat(5_000) + end))).into();
        assert!(long.len() == 2 && long.iter().all(|name| name.len() < 160), "{long:?}");
    }
}
