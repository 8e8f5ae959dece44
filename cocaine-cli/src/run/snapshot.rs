//! The files that matter, and how they were when they were looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use ignore::{DirEntry, WalkBuilder};

/// Folders in which nobody writes what an app is made of.
const LEFT_OUT_FOLDERS: [&str; 9] =
    [".git", ".hg", ".svn", ".bzr", ".jj", "CVS", "target", "node_modules", ".cocaine"];
/// How the names of temporary files of editors begin and end.
const TEMPORARY: [(&str, &str); 10] = [
    ("", "~"),
    (".#", ""),
    ("#", "#"),
    (".", ".swp"),
    (".", ".swo"),
    (".", ".swx"),
    (".", ".kate-swp"),
    (".goutputstream-", ""),
    ("", "___jb_tmp___"),
    ("", "___jb_old___"),
];
/// The name of a file with which vim tries whether it may write.
const VIM_PROBE: &str = "4913";

/// All files below some paths.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    files: BTreeMap<PathBuf, FileStamp>,
    folders: BTreeMap<PathBuf, FolderStamp>,
}

/// What changes with a file.
#[derive(Debug, PartialEq, Eq)]
struct FileStamp {
    inode: u64,
    len: u64,
    changed: (i64, i64),
}

/// What distinguishes a folder from another one that had its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FolderStamp {
    inode: u64,
    created: Option<SystemTime>,
}

impl Snapshot {
    /// Looks at all files at and below `roots`. What git ignores, folders of builds and version control, temporary files of editors, and
    /// whatever is in `left_out` is none of them.
    pub(super) fn take(roots: &BTreeSet<PathBuf>, left_out: &BTreeSet<PathBuf>) -> Self {
        let mut snapshot = Self::default();
        for root in roots {
            snapshot.add(root, left_out);
        }
        snapshot
    }

    fn add(&mut self, root: &Path, left_out: &BTreeSet<PathBuf>) {
        let Ok(metadata) = root.metadata() else { return };
        if !metadata.is_dir() {
            self.files.insert(root.to_owned(), FileStamp::of(&metadata));
            return;
        }
        let left_out = left_out.clone();
        let walk = WalkBuilder::new(root)
            .hidden(false)
            .require_git(false)
            .follow_links(false)
            .filter_entry(move |entry| entry.depth() == 0 || !is_left_out(entry, &left_out))
            .build();
        // What cannot be read, or has gone meanwhile, is not there.
        for entry in walk.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            let path = entry.into_path();
            if metadata.is_dir() {
                self.folders.insert(path, FolderStamp::of(&metadata));
            } else {
                self.files.insert(path, FileStamp::of(&metadata));
            }
        }
    }

    /// Returns the folders.
    pub(super) fn folders(&self) -> &BTreeMap<PathBuf, FolderStamp> {
        &self.folders
    }

    /// Returns the files that are new, other than in `older`, or gone.
    pub(super) fn changed_since(&self, older: &Self) -> Vec<PathBuf> {
        let changed = self.files.iter().filter(|(path, stamp)| older.files.get(*path) != Some(stamp));
        let gone = older.files.keys().filter(|path| !self.files.contains_key(*path));
        changed.map(|(path, _)| path).chain(gone).cloned().collect()
    }
}

impl FileStamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            len: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl FolderStamp {
    fn of(metadata: &Metadata) -> Self {
        Self { inode: metadata.ino(), created: metadata.created().ok() }
    }
}

fn is_left_out(entry: &DirEntry, left_out: &BTreeSet<PathBuf>) -> bool {
    let name = entry.file_name();
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    left_out.contains(entry.path())
        || if is_folder { LEFT_OUT_FOLDERS.iter().any(|folder| name == *folder) } else { is_temporary(name) }
}

/// Returns whether an editor has made a file for itself.
fn is_temporary(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let matches = |(prefix, suffix): (&str, &str)| {
        name.len() > prefix.len() + suffix.len() && name.starts_with(prefix) && name.ends_with(suffix)
    };
    name == VIM_PROBE || TEMPORARY.into_iter().any(matches)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    struct Tree(TempDir);

    impl Tree {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, file: &str, text: &str) {
            let path = self.0.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn look(&self) -> Snapshot {
            let left_out = [self.0.path().join("out/app")].into();
            Snapshot::take(&[self.0.path().to_owned()].into(), &left_out)
        }

        /// Returns what has changed, below the root.
        fn changed(&self, older: &Snapshot) -> Vec<String> {
            let changed = self.look().changed_since(older);
            let below = changed.iter().map(|path| path.strip_prefix(self.0.path()).unwrap());
            below.map(|path| path.display().to_string()).collect()
        }
    }

    #[test]
    fn written_removed_and_new_files_have_changed() {
        let tree = Tree::new();
        for file in ["src/main.rs", "src/old.rs", "src/same.rs"] {
            tree.write(file, "1");
        }
        let before = tree.look();
        assert_eq!(tree.changed(&before), [""; 0]);
        tree.write("src/main.rs", "22");
        tree.write("src/deep/new.rs", "");
        fs::remove_file(tree.0.path().join("src/old.rs")).unwrap();
        assert_eq!(tree.changed(&before), ["src/deep/new.rs", "src/main.rs", "src/old.rs"]);
    }

    #[test]
    fn ignored_and_temporary_files_have_not() {
        let tree = Tree::new();
        tree.write(".gitignore", "*.log\n/cache/\n");
        let before = tree.look();
        for file in [
            "a.log",
            "cache/x",
            "src/b.log",
            "target/debug/app",
            ".git/index",
            "node_modules/x/y.js",
            "out/app",
            "src/main.rs~",
            "src/.main.rs.swp",
            "src/.#main.rs",
            "src/#main.rs#",
            "src/4913",
            "src/main.rs___jb_tmp___",
        ] {
            tree.write(file, "1");
        }
        assert_eq!(tree.changed(&before), [""; 0]);
        tree.write("src/.cargo/config.toml", "");
        assert_eq!(tree.changed(&before), ["src/.cargo/config.toml"]);
    }

    #[test]
    fn file_that_takes_the_place_has_changed() {
        let tree = Tree::new();
        tree.write("a", "1");
        tree.write("b", "2");
        let before = tree.look();
        fs::rename(tree.0.path().join("b"), tree.0.path().join("a")).unwrap();
        assert_eq!(tree.changed(&before), ["a", "b"]);
    }
}
