//! The recordings of the original runtime; `traces/README.md` describes them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::hex;

/// One recorded exchange.
#[derive(Debug, Deserialize)]
pub struct Recording {
    /// The service that the client is connected to. Recordings of a worker's connection have none.
    pub service: Option<String>,
    /// The address of the recorded runtime.
    pub endpoint: String,
    /// The arguments that the runtime started the recorded worker with.
    #[serde(default)]
    pub runtime_argv: Vec<String>,
    /// What was read and written, in order.
    pub events: Vec<Event>,
}

/// One read, one write, the end of a direction, or a note.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Event {
    /// The direction, such as `c2s`; `traces/README.md` lists them.
    pub dir: String,
    /// The bytes in hexadecimal digits.
    #[serde(default)]
    pub hex: String,
    /// The words of a note.
    #[serde(default)]
    pub text: String,
    /// The side whose end it is.
    #[serde(default)]
    pub of: String,
    #[serde(default)]
    frames: Vec<Frame>,
}

#[derive(Clone, Debug, Deserialize)]
struct Frame {
    hex: String,
}

impl Recording {
    /// Reads `traces/NAME.json`.
    ///
    /// # Panics
    /// If the file is missing or is not a recording.
    pub fn read(name: &str) -> Self {
        read_json(name)
    }
}

impl Event {
    /// Returns an event of one frame, given by its hexadecimal digits.
    pub fn from_frame(dir: &str, hex: String) -> Self {
        let frames = vec![Frame { hex: hex.clone() }];
        Self { dir: dir.to_owned(), hex, frames, ..Self::default() }
    }

    /// Returns the bytes of this read or write; its boundaries carry no meaning.
    pub fn bytes(&self) -> Vec<u8> {
        hex::decode(&self.hex)
    }

    /// Returns the bytes of each frame that this event completes, well-formed or not.
    pub fn frames(&self) -> impl Iterator<Item = Vec<u8>> {
        self.frames.iter().map(|frame| hex::decode(&frame.hex))
    }
}

/// Returns the names of all recordings in `group`, a folder of `traces/`, as `GROUP/NAME`, sorted.
///
/// # Panics
/// If there is no such folder.
pub fn names(group: &str) -> Vec<String> {
    let mut names: Vec<_> =
        list(&root().join(group)).iter().map(|path| format!("{group}/{}", stem(path))).collect();
    names.sort();
    names
}

/// Returns the names of the groups, sorted.
///
/// # Panics
/// If `traces/` cannot be read.
pub fn groups() -> Vec<String> {
    let folders = list(&root()).into_iter().filter(|path| path.is_dir());
    let mut groups: Vec<_> = folders.map(|path| stem(&path)).collect();
    groups.sort();
    groups
}

/// Reads `traces/NAME.json` as any type.
///
/// # Panics
/// If the file is missing or does not hold a `T`.
pub fn read_json<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&read_text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns the text of `traces/NAME.json`.
///
/// # Panics
/// If the file is missing.
pub fn read_text(name: &str) -> String {
    let path = root().join(format!("{name}.json"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("traces")
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Returns the name of a file up to its last dot, or of a folder.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Recording, groups, names};

    #[test]
    fn every_recording_can_be_read() {
        let exchanges: Vec<_> =
            groups().iter().filter(|group| *group != "http").flat_map(|group| names(group)).collect();
        assert!(exchanges.len() > 150, "{}", exchanges.len());
        for name in exchanges {
            let recording = Recording::read(&name);
            assert!(
                recording.events.iter().all(|event| event.frames().count() == 0 || !event.bytes().is_empty()),
                "{name}"
            );
        }
    }
}
