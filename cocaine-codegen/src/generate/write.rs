//! Files that are replaced whole, and only where something changed.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use crate::{
    error::{Error, Result},
    generate::Output,
};

/// Puts `text` into the file at `path`: whole or not at all, and not if it is there already.
///
/// Returns whether it was written.
pub fn write_file(path: &Path, text: &str) -> Result<bool> {
    if fs::read(path).is_ok_and(|have| have == text.as_bytes()) {
        return Ok(false);
    }
    replace(path, text).map(|()| true).map_err(|error| Error::file(path, &error))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cocaine-codegen-");
    // A temporary file is its owner's alone; this one is to become a file like any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Ok(replaced) = fs::metadata(path) {
        file.as_file().set_permissions(replaced.permissions())?;
    }
    file.persist(path).map(drop).map_err(|error| error.error)
}

impl Output {
    /// Writes the files into `folder`, which is made if it is not there.
    pub fn write_folder(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).map_err(|error| Error::file(folder, &error))?;
        for file in &self.files {
            write_file(&folder.join(&file.name), &file.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_file_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.rs");
        assert!(write_file(&path, "one").unwrap());
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        assert!(!write_file(&path, "one").unwrap());
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
        assert!(write_file(&path, "two").unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn missing_folder_is_named_in_error() {
        let error = write_file(Path::new("/nowhere/at/all.rs"), "").unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/at/all.rs: "), "{error}");
    }
}
