//! What differs between the files of two packages.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    app_store::Uploaded,
    error::{Error, Result},
    output::Row,
    package::{PackedFile, read_files},
};

/// A file of a package that is not the same in both.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct FileChange {
    /// Empty for a package whose files cannot be listed.
    file: String,
    change: FileChangeKind,
    /// `null` if the old package does not have it.
    old: Option<FileState>,
    /// `null` if the new package does not have it.
    new: Option<FileState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum FileChangeKind {
    Added,
    Removed,
    Changed,
    /// Nothing but its permissions is another.
    Mode,
}

/// What is known of a file.
#[derive(Debug, PartialEq, Serialize)]
struct FileState {
    size: u64,
    /// In octal digits.
    mode: Option<String>,
    /// Where a link leads.
    link: Option<String>,
}

/// Compares the files of two packages. Of archives of a kind that only nodes read, all that counts is whether their bytes are the same.
pub(crate) fn file_changes(app: &str, old: &Uploaded, new: &Uploaded) -> Result<Vec<FileChange>> {
    if old.package == new.package {
        return Ok(Vec::new());
    }
    let list = |uploaded: &Uploaded, which: &str| {
        let files = uploaded.package.as_ref().map_or(Ok(Some(BTreeMap::new())), read_files);
        files
            .map_err(|error| Error::Failed(format!("the {which} package of `{app}` cannot be read: {error}")))
    };
    if let (Some(old), Some(new)) = (list(old, "uploaded")?, list(new, "other")?) {
        return Ok(compare(&old, &new));
    }
    let whole = |uploaded: &Uploaded| {
        uploaded.package.as_ref().map(|package| FileState {
            size: package.len() as u64,
            mode: None,
            link: None,
        })
    };
    let change = FileChangeKind::Changed;
    Ok(vec![FileChange { file: String::new(), change, old: whole(old), new: whole(new) }])
}

fn compare(old: &BTreeMap<String, PackedFile>, new: &BTreeMap<String, PackedFile>) -> Vec<FileChange> {
    let state = |file: &PackedFile| FileState {
        size: file.size,
        mode: Some(format!("{:03o}", file.mode)),
        link: file.link.clone(),
    };
    let added = new.iter().filter(|(name, _)| !old.contains_key(*name));
    let added = added.map(|(name, file)| (name, None, Some(file)));
    let common = old.iter().map(|(name, file)| (name, Some(file), new.get(name)));
    let mut changes = Vec::new();
    for (name, old, new) in common.chain(added) {
        let change = match (old, new) {
            (None, _) => FileChangeKind::Added,
            (_, None) => FileChangeKind::Removed,
            (Some(old), Some(new)) if old == new => continue,
            (Some(old), Some(new)) if old.has_contents_of(new) => FileChangeKind::Mode,
            _ => FileChangeKind::Changed,
        };
        changes.push(FileChange { file: name.clone(), change, old: old.map(state), new: new.map(state) });
    }
    changes.sort_by(|a, b| a.file.cmp(&b.file));
    changes
}

impl Row for FileChange {
    const COLUMNS: &'static [&'static str] = &["file", "change", "old", "new"];

    fn cells(&self) -> Vec<String> {
        let kind = match self.change {
            FileChangeKind::Added => "added",
            FileChangeKind::Removed => "removed",
            FileChangeKind::Changed => "changed",
            FileChangeKind::Mode => "mode",
        };
        let text = |state: &Option<FileState>| match state {
            None => String::new(),
            Some(FileState { link: Some(target), .. }) => format!("-> {target}"),
            Some(FileState { mode: Some(mode), .. }) if self.change == FileChangeKind::Mode => mode.clone(),
            Some(state) => state.size.to_string(),
        };
        let file = if self.file.is_empty() { "(package)" } else { &self.file };
        vec![file.to_owned(), kind.to_owned(), text(&self.old), text(&self.new)]
    }
}
