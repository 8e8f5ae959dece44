use std::{
    fs::Permissions,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use cocaine::msgpack;
use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::*;

/// A folder to pack.
struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, u32)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, mode) in files {
            folder.write(name, name, *mode);
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    fn pack(&self) -> Result<Package> {
        pack(self.0.path(), Compression::fast())
    }

    /// Returns the reason why the folder cannot be packed.
    fn refused(&self) -> String {
        self.pack().unwrap_err().to_string()
    }
}

/// Returns the entries of a package: names, modes and targets of links.
fn entries(package: &Package) -> Vec<(String, u32, String)> {
    let archive: &[u8] = msgpack::from_slice(&package.blob).unwrap();
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap()), (0, 0));
        let link = entry.link_name().unwrap().map(|target| target.display().to_string());
        (entry.path().unwrap().display().to_string(), header.mode().unwrap(), link.unwrap_or_default())
    });
    entries.collect()
}

#[test]
fn entries_are_sorted_and_keep_modes() {
    let folder = Folder::new(&[("z.sh", 0o755), ("a/b/data", 0o640), ("a/a", 0o600)]);
    symlink("../z.sh", folder.path("a/run")).unwrap();
    let expected = [
        ("a", 0o755, ""),
        ("a/a", 0o600, ""),
        ("a/b", 0o755, ""),
        ("a/b/data", 0o640, ""),
        ("a/run", 0o777, "../z.sh"),
        ("z.sh", 0o755, ""),
    ];
    let expected = expected.map(|(name, mode, link)| (name.to_owned(), mode, link.to_owned()));
    assert_eq!(entries(&folder.pack().unwrap()), expected);
}

#[test]
fn same_files_make_same_bytes() {
    let files = [("run.sh", 0o755), ("lib/a", 0o644), (&"long/".repeat(40), 0o644)];
    let files = [files[0], files[1], (&*format!("{}x", files[2].0), 0o644)];
    let (one, other) = (Folder::new(&files), Folder::new(&files));
    fs::File::open(other.path("lib/a")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(one.pack().unwrap().blob, other.pack().unwrap().blob);
}

#[test]
fn ignored_files_and_version_control_are_left_out() {
    let folder = Folder::new(&[
        ("run.sh", 0o755),
        (".env", 0o600),
        (".git/config", 0o644),
        ("sub/.git/config", 0o644),
        ("notes.txt", 0o644),
        ("sub/secret", 0o644),
        ("sub/kept", 0o644),
    ]);
    folder.write(".cocaineignore", "*.txt\n", 0o644);
    folder.write("sub/.cocaineignore", "secret\n", 0o644);
    folder.write(".gitignore", "run.sh\n", 0o644);
    let names: Vec<_> = entries(&folder.pack().unwrap()).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, [".env", ".gitignore", "run.sh", "sub", "sub/kept"]);
}

#[test]
fn links_out_of_the_folder_are_named() {
    let outside = Folder::new(&[("data", 0o644)]);
    for (target, words) in [
        ("/etc/passwd".into(), "outside of the folder"),
        (outside.path("data"), "outside of the folder"),
        ("missing".into(), "which is not there"),
        ("../../../../../../../../etc/passwd".into(), "outside of the folder"),
    ] {
        let folder = Folder::new(&[("run.sh", 0o755)]);
        symlink(&target, folder.path("bad")).unwrap();
        let reason = folder.refused();
        assert!(reason.contains("/bad: ") && reason.contains(words), "{reason}");
    }
}

#[test]
fn link_through_linked_folder_is_refused() {
    let outside = Folder::new(&[("data", 0o644)]);
    let folder = Folder::new(&[("run.sh", 0o755)]);
    symlink(outside.0.path(), folder.path("out")).unwrap();
    symlink("out/data", folder.path("a")).unwrap();
    assert!(folder.refused().contains("/a: is a link to out/data, which lies outside"));
}

#[test]
fn interpreter_of_virtual_environment_may_lie_outside() {
    let folder = Folder::new(&[("run.sh", 0o755), ("venv/pyvenv.cfg", 0o644), ("venv/bin/tool", 0o755)]);
    symlink("/bin/sh", folder.path("venv/bin/python3")).unwrap();
    folder.pack().unwrap();
    symlink("/bin/sh", folder.path("venv/bin/shell")).unwrap();
    assert!(folder.refused().contains("venv/bin/shell: "));
}

#[test]
fn empty_folder_and_special_files_are_refused() {
    let folder = Folder::new(&[]);
    assert!(folder.refused().contains("has no files"));
    let socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    assert!(folder.refused().contains("socket: is neither a file nor a folder nor a link"));
    drop(socket);
}

#[test]
fn manifest_of_folder_is_read() {
    let folder = Folder::new(&[("a.sh", 0o755), ("b.sh", 0o755)]);
    assert!(folder.pack().unwrap().program(None).unwrap_err().to_string().contains("a.sh or b.sh"));
    assert_eq!(folder.pack().unwrap().program(Some("b.sh")).unwrap(), "b.sh");
    folder.write("manifest.json", r#"{"slave": "./a.sh", "environment": {"A": "1"}}"#, 0o644);
    let package = folder.pack().unwrap();
    assert_eq!(package.program(Some("b.sh")).unwrap(), "./a.sh");
    assert_eq!(package.manifest["environment"].to_string(), r#"{"A": "1"}"#);
    for (manifest, words) in [
        (r#"{"slave": "c.sh"}"#, "has no file \"c.sh\""),
        (r#"{"slave": "manifest.json"}"#, "chmod +x"),
        (r#"{"slave": 1}"#, "must be the path of a file"),
    ] {
        folder.write("manifest.json", manifest, 0o644);
        let reason = folder.pack().unwrap().program(None).unwrap_err().to_string();
        assert!(reason.contains(words), "{reason}");
    }
    folder.write("manifest.json", "[]", 0o644);
    assert!(folder.refused().contains("manifest.json: is no manifest"));
}
