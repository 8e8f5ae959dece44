//! Packs a folder.
//!
//! What `.cocaineignore` names, in the syntax of `.gitignore`, and the folders of version control are left out. A symbolic link is
//! kept as it is, and must lead to something inside the folder.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use ignore::{DirEntry, WalkBuilder};

use super::{
    Compression, Location, Package,
    archive::ArchiveBuilder,
    manifest_file,
    virtual_environment::{is_environment, relocated_script},
};
use crate::error::{Error, Result};

/// The file that names what is left out.
const IGNORE_FILE: &str = ".cocaineignore";

/// Folders that no worker needs.
const VERSION_CONTROL: [&str; 6] = [".git", ".hg", ".svn", ".bzr", ".jj", "CVS"];

/// What Python has compiled. It compiles again where the times of files are others, as those of a package are.
const PYTHON_CACHE: &str = "__pycache__";

/// Packs everything in a folder.
pub(super) fn pack(folder: &Path, compression: Compression) -> Result<Package> {
    let (mut builder, mut notes) = (ArchiveBuilder::new(compression), Vec::new());
    add_folder(&mut builder, folder, &mut notes)?;
    let (blob, files) = builder.finish()?;
    if files.is_empty() {
        return Err(Error::in_file(folder)("has no files: there is nothing to upload"));
    }
    let manifest = manifest_file::read_in_folder(folder)?;
    let location = Location::Folder(folder.to_owned());
    Ok(Package { blob, manifest, notes, files: Some(files), location })
}

/// Adds all entries of a folder, in the order of their names.
fn add_folder(builder: &mut ArchiveBuilder, folder: &Path, notes: &mut Vec<String>) -> Result<()> {
    let root = folder.canonicalize().map_err(Error::in_file(folder))?;
    let walk = WalkBuilder::new(&root)
        .standard_filters(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .follow_links(false)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(|entry| !is_left_out(entry))
        .build();
    for entry in walk {
        let entry = entry.map_err(|error| Error::Failed(format!("the folder cannot be packed: {error}")))?;
        if let Some(error) = entry.error() {
            return Err(Error::in_file(&root.join(IGNORE_FILE))(error));
        }
        let path = entry.path();
        let name = path.strip_prefix(&root).unwrap_or(path);
        if !name.as_os_str().is_empty() {
            add_entry(builder, &root, name, path)?;
            notes.extend(interpreter_note(name, path));
        }
    }
    Ok(())
}

fn is_left_out(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    entry.depth() > 0
        && (name == IGNORE_FILE
            || is_folder && (name == PYTHON_CACHE || VERSION_CONTROL.iter().any(|folder| name == *folder)))
}

fn add_entry(builder: &mut ArchiveBuilder, root: &Path, name: &Path, path: &Path) -> Result<()> {
    let kind = path.symlink_metadata().map_err(Error::in_file(path))?.file_type();
    if kind.is_dir() {
        builder.add_folder(name)
    } else if kind.is_symlink() {
        let target = fs::read_link(path).map_err(Error::in_file(path))?;
        check_link(root, name, path, &target)?;
        builder.add_symlink(name, &target)
    } else if kind.is_file() {
        match relocated_script(name, path).map_err(Error::in_file(path))? {
            Some(script) => builder.add_script(name, &script),
            None => builder.add_file(name, path),
        }
    } else {
        Err(Error::in_file(path)(
            "is neither a file nor a folder nor a link: leave it out (`.cocaineignore`)",
        ))
    }
}

/// Checks that a link leads to something in the package. The interpreter of a virtual environment is that of the node's machine.
fn check_link(root: &Path, name: &Path, path: &Path, target: &Path) -> Result<()> {
    if is_interpreter(path) {
        return Ok(());
    }
    let written = name.parent().map(|parent| parent.join(target)).and_then(|joined| normalized(&joined));
    let is_inside = match path.canonicalize() {
        Ok(real) => real.starts_with(root),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::in_file(path)(format!(
                "is a link to {}, which is not there",
                target.display()
            )));
        }
        Err(error) => return Err(Error::in_file(path)(error)),
    };
    if written.is_some() && is_inside {
        return Ok(());
    }
    Err(Error::in_file(path)(format!(
        "is a link to {}, which lies outside of the folder: put a copy in its place",
        target.display()
    )))
}

/// Returns what to say of an interpreter that is not in the package.
fn interpreter_note(name: &Path, path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok().filter(|target| target.is_absolute() && is_interpreter(path))?;
    let (name, target_name) = (name.display(), target.display());
    Some(if target.exists() {
        format!("workers run {target_name} of the machine of their node, to which {name} leads")
    } else {
        format!(
            "warning: {name} leads to {target_name}, which is not on this machine; does the node's have it?"
        )
    })
}

/// Returns whether a path is `bin/python…` of a virtual environment.
fn is_interpreter(path: &Path) -> bool {
    let is_python = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"python"));
    let bin = path.parent().filter(|bin| bin.ends_with("bin"));
    let environment = bin.and_then(Path::parent);
    is_python && environment.is_some_and(is_environment)
}

/// Returns a relative path without `.` and `..`, unless it leads out of its folder.
fn normalized(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => normal.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}

#[cfg(test)]
mod tests;
