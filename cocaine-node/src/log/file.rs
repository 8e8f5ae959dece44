//! The file of JSON lines, which survives a full disk.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use crate::permissions::PRIVATE_FILE;

/// A file to which whole lines are appended.
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    /// The file ends within a line.
    is_mid_line: bool,
    /// The number of lines lost since the last successful write.
    lost: usize,
}

impl LogFile {
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let file =
            OpenOptions::new().create(true).append(true).mode(PRIVATE_FILE).open(&path).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot open the log file {}: {error}", path.display()))
            })?;
        Ok(Self { path, file, is_mid_line: false, lost: 0 })
    }

    /// Appends `lines`. Returns a message when writing begins to fail, and when it succeeds again.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Option<String> {
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
        if self.is_mid_line {
            self.file.write_all(b"\n").map_err(|error| (error, 0))?;
            self.is_mid_line = false;
        }
        let mut written = 0;
        while written < lines.len() {
            match self.file.write(&lines[written..]) {
                Ok(0) => return Err((io::ErrorKind::WriteZero.into(), written)),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err((error, written)),
            }
            self.is_mid_line = lines[written - 1] != b'\n';
        }
        Ok(())
    }

    pub(super) fn sync(&self) {
        // The log is closing: there is nowhere to report an error.
        drop(self.file.sync_data());
    }
}

#[cfg(test)]
impl LogFile {
    /// Continues with another file, as if this one had changed.
    pub(super) fn redirect(&mut self, path: impl AsRef<std::path::Path>) {
        self.file = OpenOptions::new().append(true).open(path).unwrap();
    }

    /// Appends a part of a line, as if the disk had no room for the rest.
    pub(super) fn append_partial_line(&mut self) {
        self.append(b"torn").unwrap();
    }
}
