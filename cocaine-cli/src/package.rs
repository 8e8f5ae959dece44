//! Packages: what is uploaded of an app, made of a program, a crate, a folder or an archive.
//!
//! A package is a tar archive in gzip. The same input makes the same bytes, whoever packs it and when: entries are sorted, and have
//! neither times nor owners.

mod archive;
mod cargo;
mod contents;
mod folder;
mod manifest_file;
mod ready;
mod source;
mod virtual_environment;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use cocaine::{Bytes, Value};

use crate::error::{Error, Result};

pub(crate) use cargo::{BuildOptions, CargoProfile, Crate, cargo_command};
pub(crate) use contents::{PackedFile, read_files};
pub(crate) use flate2::Compression;
pub(crate) use manifest_file::read_manifest;
pub(crate) use source::Source;

use archive::ArchiveBuilder;

/// The key of a manifest that names the program.
pub(crate) const PROGRAM_KEY: &str = "slave";

/// The bits of a mode that allow a file to be run.
const EXECUTABLE: u32 = 0o111;

/// A package, and what is known about it.
#[derive(Debug)]
pub(crate) struct Package {
    /// The archive as it is stored: an encoded raw.
    pub(crate) blob: Bytes,
    /// The keys of the manifest that comes with it.
    pub(crate) manifest: BTreeMap<String, Value>,
    /// What is worth knowing of it.
    pub(crate) notes: Vec<String>,
    /// The files with their modes, by their paths; `None` if the archive is of a kind that only nodes read.
    files: Option<BTreeMap<PathBuf, u32>>,
    /// Where the files lie on this machine.
    location: Location,
}

#[derive(Debug)]
enum Location {
    /// The only file of the package is this one.
    Program(PathBuf),
    Folder(PathBuf),
    /// They lie in an archive.
    Archive,
}

impl Package {
    /// Returns the path of the program in the package: what the manifest says, or `former` does, or the only file that it can be.
    ///
    /// # Errors
    /// There is no such file, it cannot be run, or several could be meant.
    pub(crate) fn program(&self, former: Option<&str>) -> Result<String> {
        if let Some(named) = self.manifest.get(PROGRAM_KEY) {
            let program = named.as_str().ok_or_else(|| {
                Error::Failed(format!(
                    "`{PROGRAM_KEY}` of the manifest is {named} and must be the path of a file"
                ))
            })?;
            self.check_program(program)?;
            return Ok(program.to_owned());
        }
        if let Some(former) = former.filter(|former| self.check_program(former).is_ok()) {
            return Ok(former.to_owned());
        }
        let executable: Vec<_> = self.top_level_programs().collect();
        match executable.as_slice() {
            [only] => Ok((*only).to_owned()),
            [] => Err(Error::Failed(
                "the package has no file at its top that can be run: make the program executable (`chmod +x`), or name \
                 it with `--slave PATH`"
                    .to_owned(),
            )),
            several => Err(Error::Failed(format!(
                "workers could run {}: name one with `--slave PATH`, or in manifest.json as \"{PROGRAM_KEY}\"",
                several.join(" or ")
            ))),
        }
    }

    fn top_level_programs(&self) -> impl Iterator<Item = &str> {
        let files = self.files.iter().flatten();
        let executable =
            files.filter(|(path, mode)| *mode & EXECUTABLE != 0 && path.components().count() == 1);
        executable.filter_map(|(path, _)| path.to_str())
    }

    fn check_program(&self, program: &str) -> Result<()> {
        let Some(files) = &self.files else { return Ok(()) };
        let path = Path::new(program);
        if path.is_absolute() {
            return Ok(());
        }
        let path: PathBuf =
            path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect();
        match files.get(&path) {
            None => Err(Error::Failed(format!(
                "the package has no file {program:?}, which its workers are to run (`{PROGRAM_KEY}` of the manifest)"
            ))),
            Some(mode) if mode & EXECUTABLE == 0 => Err(Error::Failed(format!(
                "{program:?} of the package cannot be run: `chmod +x` makes it executable"
            ))),
            Some(_) => Ok(()),
        }
    }

    /// Sets a key of the manifest. What workers run is set by the kind of the package where only one file can be it.
    pub(crate) fn set_manifest_key(&mut self, key: String, value: Value) {
        if key != PROGRAM_KEY || !matches!(self.location, Location::Program(_)) {
            self.manifest.insert(key, value);
        }
    }

    /// Returns the folder in which a program of the package is run, as workers are in that of their app; `None` for the current one.
    pub(crate) fn local_folder(&self) -> Option<&Path> {
        match &self.location {
            Location::Folder(folder) => Some(folder),
            Location::Program(_) | Location::Archive => None,
        }
    }

    /// Returns where a program of the package lies on this machine, so that it can be asked for its schema.
    pub(crate) fn local_program(&self, program: &str) -> Option<PathBuf> {
        match &self.location {
            Location::Program(path) => Some(path.clone()),
            Location::Folder(folder) => Some(folder.join(program)),
            Location::Archive => None,
        }
    }
}

/// Packs one program, which has the name of its app in the package.
fn pack_program(app: &str, program: &Path, compression: Compression) -> Result<Package> {
    let mut builder = ArchiveBuilder::new(compression);
    builder.add_program(Path::new(app), program)?;
    let (blob, files) = builder.finish()?;
    let manifest = BTreeMap::from([(PROGRAM_KEY.to_owned(), Value::from(app))]);
    let location = Location::Program(program.to_owned());
    Ok(Package { blob, manifest, notes: Vec::new(), files: Some(files), location })
}
