//! A recorded exchange, as `tests/traces` holds it.

use std::{fs, path::PathBuf};

use cocaine::{Value, msgpack};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Trace {
    /// Whom the client is connected to; not said where the worker was listened to.
    pub(crate) service: Option<String>,
    pub(crate) endpoint: String,
    pub(crate) events: Vec<Event>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Event {
    pub(crate) dir: String,
    #[serde(default)]
    pub(crate) hex: String,
    #[serde(default)]
    pub(crate) text: String,
    /// Whose end it is.
    #[serde(default)]
    pub(crate) of: String,
    #[serde(default)]
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    hex: String,
}

impl Trace {
    /// Reads `tests/traces/NAME.json`.
    pub(crate) fn read(name: &str) -> Self {
        let path = folder().join(format!("{name}.json"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Returns the names of all traces, sorted.
    pub(crate) fn names() -> Vec<String> {
        let mut names = Vec::new();
        // Those of HTTP belong to the tests of the gateway.
        let groups = fs::read_dir(folder()).unwrap().map(Result::unwrap);
        for group in groups.filter(|group| group.file_name() != "http") {
            for file in fs::read_dir(group.path()).unwrap().map(Result::unwrap) {
                let stem = file.path().file_stem().unwrap().to_string_lossy().into_owned();
                names.push(format!("{}/{stem}", group.file_name().to_string_lossy()));
            }
        }
        names.sort();
        names
    }
}

impl Event {
    /// Returns an event of one frame.
    pub(crate) fn frame(dir: &str, hex: String) -> Self {
        let frames = vec![Frame { hex: hex.clone() }];
        Self { dir: dir.to_owned(), hex, frames, ..Self::default() }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        unhex(&self.hex)
    }

    /// Returns the frames that this event completes. Writing one again gives its bytes: otherwise a comparison of
    /// what was written again would say nothing of bytes.
    pub(crate) fn frames(&self) -> Vec<Value> {
        let read = |frame: &Frame| {
            let bytes = unhex(&frame.hex);
            let value: Value = msgpack::from_slice(&bytes).unwrap();
            assert_eq!(msgpack::to_vec(&value).unwrap(), bytes, "{value} is not written as it was");
            value
        };
        self.frames.iter().map(read).collect()
    }

    /// Returns the bytes of the frames that this event completes, sound or not.
    pub(crate) fn raw_frames(&self) -> Vec<Vec<u8>> {
        self.frames.iter().map(|frame| unhex(&frame.hex)).collect()
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/traces")
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text} is no hex");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
