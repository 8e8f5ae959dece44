//! The folders that workers are run in.

use std::{
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    process,
};

use tempfile::TempDir;

use crate::apps::package::{FRESH, folder_name};

/// The longest path that a unix socket can have.
const LONGEST_SOCKET: usize = 107;

/// Why a folder cannot be used for workers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeError {
    /// It cannot be created or cleared.
    #[error("cannot use the folder {}: {source}", .folder.display())]
    Io { folder: PathBuf, source: io::Error },
    /// Somebody else could replace what is in it.
    #[error(
        "the folder {} is not safe: it {reason}; remove it, or say with --data where to keep data",
        .folder.display()
    )]
    Unsafe { folder: PathBuf, reason: &'static str },
    /// A socket in it would have too long a path.
    #[error(
        "the path of a socket is too long, {} of {LONGEST_SOCKET} bytes: {}; say with --data where there is a shorter \
         one, or give the app a shorter name",
        .0.as_os_str().len(), .0.display()
    )]
    TooLong(PathBuf),
}

/// A folder for sockets and one for unpacked apps, which nobody else can enter.
#[derive(Debug)]
pub(crate) struct Runtime {
    run: PathBuf,
    spool: PathBuf,
    /// Removed at the end.
    _temporary: Option<TempDir>,
}

impl Runtime {
    /// Opens the folders in `data`, which no other node uses, and clears what an earlier one left there.
    pub(crate) fn open(data: &Path) -> Result<Self, RuntimeError> {
        // Workers have folders of their own to count a path from.
        let data =
            std::path::absolute(data).map_err(|source| RuntimeError::Io { folder: data.into(), source })?;
        let (run, spool) = (data.join("run"), data.join("spool"));
        make_private(&run)?;
        make_private(&spool)?;
        clear(&run).map_err(|source| RuntimeError::Io { folder: run.clone(), source })?;
        clear(&spool).map_err(|source| RuntimeError::Io { folder: spool.clone(), source })?;
        Ok(Self { run, spool, _temporary: None })
    }

    /// Opens folders that are removed at the end.
    pub(crate) fn temporary() -> Result<Self, RuntimeError> {
        let folder = tempfile::Builder::new()
            .prefix("cocaine-node-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|source| RuntimeError::Io { folder: std::env::temp_dir(), source })?;
        let folders = Self::open(folder.path())?;
        Ok(Self { _temporary: Some(folder), ..folders })
    }

    /// Returns the path of the socket that the workers of `app` connect to.
    pub(crate) fn socket(&self, app: &str) -> Result<PathBuf, RuntimeError> {
        let path = self.run.join(format!("{}.{}", folder_name(app), process::id()));
        if path.as_os_str().as_bytes().len() > LONGEST_SOCKET {
            return Err(RuntimeError::TooLong(path));
        }
        Ok(path)
    }

    /// Returns the folder that the files of `app` are unpacked into.
    pub(crate) fn app(&self, app: &str) -> PathBuf {
        self.spool.join(folder_name(app))
    }
}

/// Makes a folder that only this user can use, or sees to it that the one there is that.
fn make_private(folder: &Path) -> Result<(), RuntimeError> {
    let failed = |source| RuntimeError::Io { folder: folder.into(), source };
    let refused = |reason| Err(RuntimeError::Unsafe { folder: folder.into(), reason });
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map_err(failed),
    }
    let there = folder.symlink_metadata().map_err(failed)?;
    if !there.is_dir() {
        return refused("is a link or a file");
    }
    if there.uid() != rustix::process::geteuid().as_raw() {
        return refused("belongs to another user");
    }
    if there.mode() & 0o022 != 0 {
        return refused("can be written to by others");
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed)
}

/// Removes sockets, and folders that were never completed.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_socket() {
            fs::remove_file(entry.path())?;
        } else if kind.is_dir() && entry.file_name().as_bytes().starts_with(FRESH.as_bytes()) {
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
    fn only_the_node_can_use_the_folders() {
        let data = tempfile::tempdir().unwrap();
        let runtime = Runtime::open(data.path()).unwrap();
        assert_eq!(runtime.app("the/app"), data.path().join("spool/the%2fapp"));
        assert_eq!([mode(&runtime.run), mode(&runtime.spool)], [0o700; 2]);
        fs::set_permissions(&runtime.run, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(mode(&Runtime::open(data.path()).unwrap().run), 0o700);
    }

    #[test]
    fn a_socket_can_be_bound_where_it_should_be() {
        let runtime = Runtime::temporary().unwrap();
        let socket = runtime.socket("../the app").unwrap();
        assert_eq!(socket, runtime.run.join(format!("%2e.%2fthe%20app.{}", process::id())));
        UnixListener::bind(socket).unwrap();
    }

    #[test]
    fn a_temporary_folder_is_removed() {
        let runtime = Runtime::temporary().unwrap();
        fs::create_dir(runtime.app("app")).unwrap();
        let folder = runtime.run.parent().unwrap().to_owned();
        assert_eq!(mode(&folder), 0o700);
        drop(runtime);
        assert!(!folder.exists());
    }

    #[test]
    fn what_an_earlier_life_left_is_removed_and_nothing_else() {
        let data = tempfile::tempdir().unwrap();
        let runtime = Runtime::open(data.path()).unwrap();
        let socket = runtime.run.join("app.1");
        drop(UnixListener::bind(&socket).unwrap());
        let (kept, app) = (runtime.run.join("kept"), runtime.app("app"));
        fs::write(&kept, "").unwrap();
        fs::create_dir(&app).unwrap();
        let fresh = runtime.spool.join(format!("{FRESH}x"));
        fs::create_dir_all(fresh.join("deep")).unwrap();
        assert!(socket.exists());
        Runtime::open(data.path()).unwrap();
        assert_eq!([&socket, &fresh, &kept, &app].map(|path| path.exists()), [false, false, true, true]);
    }

    #[test]
    fn a_folder_that_others_could_have_a_hand_in_is_refused() {
        let refusal = |prepare: &dyn Fn(&Path)| {
            let data = tempfile::tempdir().unwrap();
            let run = data.path().join("run");
            prepare(&run);
            let text = Runtime::open(data.path()).unwrap_err().to_string();
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
    fn a_path_too_long_for_a_socket_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let room = LONGEST_SOCKET
            - data.path().as_os_str().len()
            - "//run/.".len()
            - process::id().to_string().len();
        let runtime = |longer: usize| {
            let folder = data.path().join("x".repeat(room - 3 + longer));
            fs::create_dir(&folder).unwrap();
            Runtime::open(&folder).unwrap()
        };
        let socket = runtime(0).socket("app").unwrap();
        assert_eq!(socket.as_os_str().len(), LONGEST_SOCKET);
        UnixListener::bind(socket).unwrap();
        let error = runtime(1).socket("app").unwrap_err().to_string();
        assert!(error.starts_with("the path of a socket is too long, 108 of 107 bytes: /"), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let error = Runtime::open(Path::new("/no/such/folder")).unwrap_err().to_string();
        assert!(error.starts_with("cannot use the folder /no/such/folder/run: No such file"), "{error}");
    }
}
