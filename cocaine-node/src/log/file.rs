//! The file of JSON lines, which may be full for a while.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::PathBuf,
};

/// A file to which whole lines are appended.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// The end of the file is no end of a line.
    torn: bool,
    /// Lines that could not be written since the last that could.
    lost: usize,
}

impl LogFile {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot open the log file {}: {error}", path.display()))
        })?;
        Ok(Self { path, file, torn: false, lost: 0 })
    }

    /// Appends `lines`; returns what there is to say of it, once when it begins to fail and once when it no longer
    /// does.
    pub(super) fn write(&mut self, lines: &[u8]) -> Option<String> {
        if lines.is_empty() {
            return None;
        }
        let failed_before = self.lost > 0;
        match self.append(lines) {
            Ok(()) if failed_before => {
                let (path, lost) = (self.path.display(), std::mem::take(&mut self.lost));
                Some(format!("the log file {path} can be written again; {lost} lines are missing"))
            }
            Ok(()) => None,
            Err((error, written)) => {
                self.lost += lines[written..].split_inclusive(|byte| *byte == b'\n').count();
                let path = self.path.display();
                (!failed_before).then(|| {
                    format!("the log file {path} cannot be written: {error}; its lines are lost until it can")
                })
            }
        }
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), (io::Error, usize)> {
        if self.torn {
            self.file.write_all(b"\n").map_err(|error| (error, 0))?;
            self.torn = false;
        }
        let mut written = 0;
        while written < lines.len() {
            match self.file.write(&lines[written..]) {
                Ok(0) => return Err((io::ErrorKind::WriteZero.into(), written)),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err((error, written)),
            }
            self.torn = lines[written - 1] != b'\n';
        }
        Ok(())
    }

    pub(super) fn sync(&self) {
        // Whether it succeeds is of no use to anybody any more.
        drop(self.file.sync_data());
    }
}

#[cfg(test)]
impl LogFile {
    /// Goes on with another file, as if this one had changed.
    pub(super) fn redirect(&mut self, path: impl AsRef<std::path::Path>) {
        self.file = OpenOptions::new().append(true).open(path).unwrap();
    }

    /// Goes on after a part of a line, as if there had been no room for the rest.
    pub(super) fn tear(&mut self) {
        self.append(b"torn").unwrap();
    }
}
