//! What a package is made of, by what lies at a path.

use std::path::{Path, PathBuf};

use super::{
    Compression, Package,
    cargo::{self, BuildOptions, Crate},
    folder, pack_program, ready, virtual_environment,
};
use crate::error::{Error, Result};

/// What a package is made of.
#[derive(Debug)]
pub(crate) enum Source {
    Program(PathBuf),
    Archive(PathBuf),
    Crate(Crate),
    Folder(PathBuf),
}

impl Source {
    /// Returns what lies at a path: a folder with a `Cargo.toml` is a crate, and a file is an archive or a program.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let metadata = path.metadata().map_err(Error::in_file(path))?;
        if metadata.is_dir() {
            return if cargo::is_crate(path) {
                Crate::open(path).map(Self::Crate)
            } else {
                Ok(Self::Folder(path.to_owned()))
            };
        }
        if !metadata.is_file() {
            return Err(Error::in_file(path)("is neither a file nor a folder"));
        }
        let is_archive = ready::is_archive(path).map_err(Error::in_file(path))?;
        Ok(if is_archive { Self::Archive(path.to_owned()) } else { Self::Program(path.to_owned()) })
    }

    /// Returns the crate in a folder.
    pub(crate) fn crate_at(folder: &Path) -> Result<Self> {
        Crate::open(folder).map(Self::Crate)
    }

    /// Returns the name of an app that is named like this.
    pub(crate) fn name(&self) -> Option<String> {
        let (Self::Program(path) | Self::Archive(path) | Self::Folder(path)) = self else {
            let Self::Crate(package) = self else { return None };
            return Some(package.app_name().to_owned());
        };
        let path = path.canonicalize().ok()?;
        let name = path.file_name()?.to_str()?;
        Some(match self {
            Self::Folder(_) => name.to_owned(),
            Self::Archive(_) => name.split_once(".t").map_or(name, |(stem, _)| stem).to_owned(),
            _ => path.file_stem()?.to_str()?.to_owned(),
        })
    }

    /// Makes the package of an app. A crate is built.
    pub(crate) async fn pack(
        &self,
        app: &str,
        options: &BuildOptions,
        compression: Compression,
    ) -> Result<Package> {
        match self {
            Self::Program(path) => pack_program(app, path, compression),
            Self::Archive(path) => ready::pack(path),
            Self::Folder(path) => {
                if options.makes_environment {
                    virtual_environment::create(path).await?;
                }
                folder::pack(path, compression)
            }
            Self::Crate(source) => source.pack(app, &source.build(options).await?, compression),
        }
    }
}
