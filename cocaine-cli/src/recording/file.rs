//! The lines of a recording.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Instant,
};

use cocaine::graph::Graph;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::error::{Error, Result};

/// The version of the format.
const VERSION: u32 = 1;

/// A line. Its form is an object with one key, the name of the variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    /// The first line.
    Recording {
        version: u32,
        locator: String,
    },
    /// What a locator says of a service. It stands before the messages of the service.
    Service {
        name: String,
        version: u64,
        graph: Graph,
    },
    Message(Message),
    /// The end of a connection.
    End {
        at: f64,
        connection: u64,
        service: String,
        by: Side,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// A message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// Seconds since the recording began.
    pub(super) at: f64,
    pub(super) connection: u64,
    pub(super) service: String,
    pub(super) from: Side,
    pub(super) channel: u64,
    /// The name of the method or message.
    #[serde(rename = "message")]
    pub(super) name: String,
    /// Its number.
    pub(super) kind: u64,
    pub(super) args: Json,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, Json>,
}

/// A side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Side {
    Client,
    Service,
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct RecordingFile {
    path: PathBuf,
    file: Mutex<File>,
    started: Instant,
}

impl RecordingFile {
    /// Creates a file, which only its owner may read.
    ///
    /// # Errors
    /// There is one of this name, or it cannot be written.
    pub(super) fn create(path: &Path, locator: &str) -> Result<Self> {
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
                let reason = match error.kind() {
                    io::ErrorKind::AlreadyExists => {
                        "is there already: name another file, or remove it".to_owned()
                    }
                    _ => error.to_string(),
                };
                Error::File { path: path.display().to_string(), reason }
            })?;
        let recording = Self { path: path.to_owned(), file: Mutex::new(file), started: Instant::now() };
        recording.write(&[Line::Recording { version: VERSION, locator: locator.to_owned() }])?;
        Ok(recording)
    }

    /// Returns the seconds since the recording began, to a microsecond.
    pub(super) fn now(&self) -> f64 {
        (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e6
    }

    /// Appends lines.
    pub(super) fn write(&self, lines: &[Line]) -> Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line).map_err(io::Error::from)?;
            text.push(b'\n');
        }
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(&text).map_err(Error::in_file(&self.path))
    }
}

/// Reads a recording: its lines but the first, with their numbers.
pub(super) fn read(path: &Path) -> Result<Vec<(usize, Line)>> {
    let file = File::open(path).map_err(Error::in_file(path))?;
    let mut lines = Vec::new();
    for (number, text) in (1..).zip(BufReader::new(file).lines()) {
        let text = text.map_err(Error::in_file(path))?;
        if text.trim().is_empty() {
            continue;
        }
        let failed = |reason: String| Error::File { path: format!("{}:{number}", path.display()), reason };
        match serde_json::from_str(&text).map_err(|error| failed(reason(&error)))? {
            Line::Recording { version: VERSION, .. } => {}
            Line::Recording { version, .. } => {
                return Err(failed(format!("is of version {version} of the format, and {VERSION} is known")));
            }
            line => lines.push((number, line)),
        }
    }
    Ok(lines)
}

/// Returns why a line cannot be read. Its own number in the error is always 1.
fn reason(error: &serde_json::Error) -> String {
    format!("is no line of a recording: {}", error.to_string().replace(" at line 1 column ", " at column "))
}
