//! What a caller sends after its arguments: the lines or the bytes of a file.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use cocaine::Bytes;
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader, stdin},
};

use crate::error::{Error, Result};

/// The longest line, and the size of a piece of a file that is read as it is.
const MAX_LINE: usize = 64 << 20;
const PIECE: usize = 64 << 10;

/// How a file is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputForm {
    /// Each line is an item, JSON or text.
    #[default]
    Lines,
    /// As it is, in pieces.
    Bytes,
}

/// A file that is read piece by piece.
pub(crate) struct Input {
    path: PathBuf,
    reader: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
}

impl Input {
    /// Opens a file; `-` is standard input.
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let is_stdin = path == Path::new("-");
        let reader: Box<dyn AsyncRead + Send + Unpin> = if is_stdin {
            Box::new(stdin())
        } else {
            Box::new(File::open(path).await.map_err(Error::in_file(path))?)
        };
        let path = if is_stdin { "standard input".into() } else { path.to_owned() };
        Ok(Self { path, reader: BufReader::new(reader) })
    }

    /// Returns the next line without its end; `None` after the last one. Must not be dropped halfway.
    pub(crate) async fn next_line(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.reader).take(MAX_LINE as u64 + 1);
        let count = limited.read_until(b'\n', &mut line).await.map_err(Error::in_file(&self.path))?;
        if count == 0 {
            return Ok(None);
        }
        if line.len() > MAX_LINE {
            return Err(self.error(format!("a line has more than {MAX_LINE} bytes")));
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map(Some).map_err(|error| self.error(format!("a line is no text: {error}")))
    }

    /// Returns the next bytes; `None` at the end.
    pub(crate) async fn next_bytes(&mut self) -> Result<Option<Bytes>> {
        let mut bytes = vec![0; PIECE];
        let count = self.reader.read(&mut bytes).await.map_err(Error::in_file(&self.path))?;
        bytes.truncate(count);
        Ok((count > 0).then(|| bytes.into()))
    }

    fn error(&self, reason: String) -> Error {
        Error::File { path: self.path.display().to_string(), reason }
    }
}

/// Returns how a call has ended whose input has ended as well. The service may answer before it has read everything, and its answer is
/// what counts, unless the input is wrong.
pub(super) fn answered(received: Result<()>, sent: Result<()>) -> Result<()> {
    match sent {
        Err(Error::Usage(_) | Error::File { .. }) => sent,
        _ => received.and(sent),
    }
}
