//! The programs that the chapters use, as this package has built them.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// A folder with the programs under their names, for `PATH`.
pub(crate) struct Programs(TempDir);

impl Programs {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder is made");
        let programs = [
            ("cocaine", env!("CARGO_BIN_EXE_guide-cocaine")),
            ("cocaine-codegen", env!("CARGO_BIN_EXE_guide-codegen")),
            ("cocaine-node", env!("CARGO_BIN_EXE_guide-node")),
        ];
        for (name, program) in programs {
            symlink(program, folder.path().join(name)).expect("a link is made");
        }
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn command(&self, name: &str) -> Command {
        Command::new(self.path(name))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
