//! The folders of apps: their sockets, and their unpacked packages.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    process,
};

use tempfile::TempDir;

use crate::{
    apps::package::{PARTIAL_PREFIX, folder_name},
    helper::is_on_noexec_mount,
};

/// The longest path of a unix socket.
const MAX_SOCKET_PATH: usize = 107;

/// Why the folders of apps cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// A folder cannot be created or cleared.
    #[error("cannot use the folder {}: {source}", .folder.display())]
    Io { folder: PathBuf, source: io::Error },
    /// Other users could replace its contents.
    #[error(
        "the folder {} is not safe: it {reason}; remove it, or say with --data where to keep data",
        .folder.display()
    )]
    Unsafe { folder: PathBuf, reason: &'static str },
    /// The path of a socket would be too long.
    #[error(
        "the path of a socket is too long, {} of {MAX_SOCKET_PATH} bytes: {}; say with --data where there is a shorter \
         one, or give the app a shorter name",
        .0.as_os_str().len(), .0.display()
    )]
    TooLong(PathBuf),
}

/// A folder for sockets and one for unpacked packages; other users cannot enter them.
#[derive(Debug)]
pub(crate) struct AppFolders {
    run: PathBuf,
    spool: PathBuf,
    /// Removes the folders on drop.
    _temporary: Option<TempDir>,
}

impl AppFolders {
    /// Opens the folders in `data`, which no other node uses, and removes the sockets and partial packages of an earlier node.
    pub(crate) fn open(data: &Path) -> Result<Self, FolderError> {
        // Workers run in folders of their own, so relative paths would mislead them.
        let data =
            std::path::absolute(data).map_err(|source| FolderError::Io { folder: data.into(), source })?;
        let (run, spool) = (data.join("run"), data.join("spool"));
        ensure_private(&run)?;
        ensure_private(&spool)?;
        if is_on_noexec_mount(&spool) {
            let folder = spool.display();
            tracing::warn!(%folder, "no app can run: the file system of its folder is mounted with `noexec`");
        }
        remove_leftovers(&run).map_err(|source| FolderError::Io { folder: run.clone(), source })?;
        remove_leftovers(&spool).map_err(|source| FolderError::Io { folder: spool.clone(), source })?;
        Ok(Self { run, spool, _temporary: None })
    }

    /// Opens folders that are removed on drop.
    pub(crate) fn temporary() -> Result<Self, FolderError> {
        let folder = tempfile::Builder::new()
            .prefix("cocaine-node-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|source| FolderError::Io { folder: std::env::temp_dir(), source })?;
        let folders = Self::open(folder.path())?;
        Ok(Self { _temporary: Some(folder), ..folders })
    }

    /// Returns the path of the socket that the workers of a generation of `app` connect to.
    pub(crate) fn socket(&self, app: &str, generation: u64) -> Result<PathBuf, FolderError> {
        let path = self.run.join(format!("{}.{}", generation_name(app, generation), process::id()));
        if path.as_os_str().as_bytes().len() > MAX_SOCKET_PATH {
            return Err(FolderError::TooLong(path));
        }
        Ok(path)
    }

    /// Returns the folder that the package of a generation of `app` is unpacked into.
    pub(crate) fn package(&self, app: &str, generation: u64) -> PathBuf {
        self.spool.join(generation_name(app, generation))
    }

    /// Returns the names of the folders of first generations.
    pub(crate) fn packages(&self) -> Vec<OsString> {
        // What cannot be read is looked at the next time.
        let entries = fs::read_dir(&self.spool).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.map(|entry| entry.file_name()).filter(|name| !is_left_over(name)).collect()
    }

    /// Renames the folder of a package to a name that no app has, and that is removed when the node starts. Returns its
    /// new path, or `None` if there is no such folder.
    pub(crate) fn detach_package(&self, folder: &OsStr) -> Option<PathBuf> {
        let unique = uuid::Uuid::new_v4();
        let detached = self.spool.join(format!("{PARTIAL_PREFIX}{unique}"));
        fs::rename(self.spool.join(folder), &detached).ok().map(|()| detached)
    }
}

/// Precedes the number of a generation, and is in no name of a folder otherwise.
const GENERATION_MARK: char = '@';

fn generation_name(app: &str, generation: u64) -> String {
    let name = folder_name(app);
    if generation == 0 { name } else { format!("{name}{GENERATION_MARK}{generation}") }
}

fn is_left_over(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(PARTIAL_PREFIX.as_bytes()) || name.contains(&(GENERATION_MARK as u8))
}

/// Creates a folder that only this user can use, or makes an existing one so.
fn ensure_private(folder: &Path) -> Result<(), FolderError> {
    let failed = |source| FolderError::Io { folder: folder.into(), source };
    let unsafe_folder = |reason| Err(FolderError::Unsafe { folder: folder.into(), reason });
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map_err(failed),
    }
    let there = folder.symlink_metadata().map_err(failed)?;
    if !there.is_dir() {
        return unsafe_folder("is a link or a file");
    }
    if there.uid() != rustix::process::geteuid().as_raw() {
        return unsafe_folder("belongs to another user");
    }
    if there.mode() & 0o022 != 0 {
        return unsafe_folder("can be written to by others");
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed)
}

/// Removes sockets, partial packages, and those of later generations, which an earlier node had beside the first.
fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_socket() {
            fs::remove_file(entry.path())?;
        } else if kind.is_dir() && is_left_over(&entry.file_name()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o777
    }

    #[test]
    fn folders_are_private() {
        let data = tempfile::tempdir().unwrap();
        let folders = AppFolders::open(data.path()).unwrap();
        assert_eq!(folders.package("the/app", 0), data.path().join("spool/the%2fapp"));
        assert_eq!([mode(&folders.run), mode(&folders.spool)], [0o700; 2]);
        fs::set_permissions(&folders.run, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(mode(&AppFolders::open(data.path()).unwrap().run), 0o700);
    }

    #[test]
    fn socket_path_can_be_bound() {
        let folders = AppFolders::temporary().unwrap();
        let socket = folders.socket("../the app", 0).unwrap();
        assert_eq!(socket, folders.run.join(format!("%2e.%2fthe%20app.{}", process::id())));
        UnixListener::bind(socket).unwrap();
    }

    #[test]
    fn temporary_folders_are_removed_on_drop() {
        let folders = AppFolders::temporary().unwrap();
        fs::create_dir(folders.package("app", 0)).unwrap();
        let folder = folders.run.parent().unwrap().to_owned();
        assert_eq!(mode(&folder), 0o700);
        drop(folders);
        assert!(!folder.exists());
    }

    #[test]
    fn only_leftovers_are_removed_on_open() {
        let data = tempfile::tempdir().unwrap();
        let folders = AppFolders::open(data.path()).unwrap();
        let socket = folders.run.join("app.1");
        drop(UnixListener::bind(&socket).unwrap());
        let (kept, app) = (folders.run.join("kept"), folders.package("app", 0));
        fs::write(&kept, "").unwrap();
        fs::create_dir(&app).unwrap();
        let partial = folders.spool.join(format!("{PARTIAL_PREFIX}x"));
        fs::create_dir_all(partial.join("deep")).unwrap();
        assert!(socket.exists());
        let later = folders.package("app", 7);
        assert_eq!(later, data.path().join("spool/app@7"));
        fs::create_dir(&later).unwrap();
        AppFolders::open(data.path()).unwrap();
        let exist = [&socket, &partial, &later, &kept, &app].map(|path| path.exists());
        assert_eq!(exist, [false, false, false, true, true]);
    }

    #[test]
    fn folder_open_to_other_users_is_refused() {
        let refusal = |prepare: &dyn Fn(&Path)| {
            let data = tempfile::tempdir().unwrap();
            let run = data.path().join("run");
            prepare(&run);
            let text = AppFolders::open(data.path()).unwrap_err().to_string();
            let text = text.strip_prefix(&format!("the folder {} is not safe: it ", run.display())).unwrap();
            text.strip_suffix("; remove it, or say with --data where to keep data").unwrap().to_owned()
        };
        let open = |mode| {
            move |run: &Path| {
                fs::create_dir(run).unwrap();
                fs::set_permissions(run, fs::Permissions::from_mode(mode)).unwrap();
            }
        };
        assert_eq!(refusal(&open(0o720)), "can be written to by others");
        assert_eq!(refusal(&open(0o702)), "can be written to by others");
        assert_eq!(refusal(&|run| symlink("/tmp", run).unwrap()), "is a link or a file");
        assert_eq!(refusal(&|run| fs::write(run, "").unwrap()), "is a link or a file");
    }

    #[test]
    fn too_long_socket_path_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let room = MAX_SOCKET_PATH
            - data.path().as_os_str().len()
            - "//run/.".len()
            - process::id().to_string().len();
        let folders = |longer: usize| {
            let folder = data.path().join("x".repeat(room - 3 + longer));
            fs::create_dir(&folder).unwrap();
            AppFolders::open(&folder).unwrap()
        };
        let socket = folders(0).socket("app", 0).unwrap();
        assert_eq!(socket.as_os_str().len(), MAX_SOCKET_PATH);
        UnixListener::bind(socket).unwrap();
        let error = folders(1).socket("app", 0).unwrap_err().to_string();
        assert!(error.starts_with("the path of a socket is too long, 108 of 107 bytes: /"), "{error}");
    }

    #[test]
    fn error_names_the_unusable_folder() {
        let error = AppFolders::open(Path::new("/no/such/folder")).unwrap_err().to_string();
        assert!(error.starts_with("cannot use the folder /no/such/folder/run: No such file"), "{error}");
    }
}
