//! What an import has done.

use std::{collections::BTreeMap, fmt, path::PathBuf};

/// What an import has done, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// The collections by their names.
    pub collections: BTreeMap<String, ImportedCollection>,
    /// What was left out.
    pub skipped: Vec<SkippedFile>,
}

/// The counts of one collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportedCollection {
    /// Objects that were not there.
    pub added: usize,
    /// Objects that were there with the same blob.
    pub unchanged: usize,
    /// Objects whose blob was replaced.
    pub replaced: usize,
    /// Tags that objects have got.
    pub tags: usize,
}

/// A file that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedFile {
    /// Its path in the folder.
    pub path: PathBuf,
    /// Why.
    pub reason: &'static str,
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, counts) in &self.collections {
            let ImportedCollection { added, unchanged, replaced, tags } = counts;
            let name = printable(name);
            writeln!(
                f,
                "{name}: {added} added, {unchanged} unchanged, {replaced} replaced, {tags} tags added"
            )?;
        }
        for SkippedFile { path, reason } in &self.skipped {
            writeln!(f, "skipped {}: {reason}", printable(&path.to_string_lossy()))?;
        }
        Ok(())
    }
}

/// Returns a name without control characters, which a terminal would obey.
pub(super) fn printable(name: &str) -> String {
    let escape =
        |char: char| if char.is_control() { char.escape_default().to_string() } else { char.to_string() };
    name.chars().map(escape).collect()
}
