//! Names that a shell has asked for a moment ago.

use std::{
    fs::{self, DirBuilder},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    time::Duration,
};

use etcetera::BaseStrategy as _;
use tempfile::NamedTempFile;

/// How long names are used.
const MAX_AGE: Duration = Duration::from_secs(5);

/// The names of a kind in a cloud: a file below `$XDG_CACHE_HOME/cocaine`.
#[derive(Debug)]
pub(super) struct Entry(PathBuf);

impl Entry {
    /// Returns the entry for a kind of names; none without a home folder.
    pub(super) fn open(locators: &[String], kind: &str) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        (locators, kind).hash(&mut hasher);
        let folder = etcetera::base_strategy::Xdg::new().ok()?.cache_dir();
        Some(Self(folder.join("cocaine").join("completion").join(format!("{:016x}", hasher.finish()))))
    }

    /// Reads the names, unless they are too old.
    pub(super) fn read(&self) -> Option<Vec<String>> {
        let age = fs::metadata(&self.0).ok()?.modified().ok()?.elapsed().ok()?;
        if age > MAX_AGE {
            return None;
        }
        Some(fs::read_to_string(&self.0).ok()?.lines().map(str::to_owned).collect())
    }

    /// Writes the names. A shell does without if that fails.
    pub(super) fn write(&self, names: &[String]) {
        let write = || -> io::Result<()> {
            let folder = self.0.parent().ok_or(io::ErrorKind::NotFound)?;
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let mut file = NamedTempFile::new_in(folder)?;
            names.iter().try_for_each(|name| writeln!(file, "{name}"))?;
            file.persist(&self.0)?;
            Ok(())
        };
        let _ = write();
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn names_are_used_for_five_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let entry = Entry(folder.path().join("a/b"));
        assert_eq!(entry.read(), None);
        entry.write(&["x".to_owned(), "y".to_owned()]);
        let set_age = |age| {
            let file = fs::File::options().write(true).open(&entry.0).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        };
        set_age(Duration::ZERO);
        assert_eq!(entry.read().unwrap(), ["x", "y"]);
        set_age(MAX_AGE * 2);
        assert_eq!(entry.read(), None);
    }
}
