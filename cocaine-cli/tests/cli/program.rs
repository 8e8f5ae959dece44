//! Programs to upload.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// A folder with programs.
pub(crate) struct Programs(TempDir);

impl Programs {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file that can be run, and returns its path.
    pub(crate) fn add(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// Writes a script that prints this schema.
    pub(crate) fn describing(&self, name: &str, schema: &str) -> String {
        self.add(name, format!("#!/bin/sh\ncat <<'END'\n{schema}\nEND\n"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        Path::new(self.0.path()).join(name)
    }
}

/// A schema whose event `shorten` has an argument of this type, in JSON.
pub(crate) fn schema(ttl: &str) -> String {
    format!(
        r#"{{"schema": 1, "events": {{"shorten": {{"arguments": [{{"name": "url", "type": "text"}}, {{"name": "ttl", "type": {ttl}}}]}}}}}}"#
    )
}
