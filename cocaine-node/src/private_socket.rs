//! Unix sockets that only the node's user can open.

use std::{
    fs::{self, File, Permissions, TryLockError},
    io,
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixSocket, UnixStream},
    time::{sleep, timeout},
};

use crate::{file_lock::FileLock, permissions::PRIVATE_FILE};

/// How many connections may wait to be accepted on a unix socket.
const BACKLOG: u32 = 1024;

/// The file of a unix socket. Dropping this removes it, unless something else has its place by then.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Listens on `path` with the mode 0600, and replaces a socket there on which nobody listens any more.
///
/// # Errors
/// Another process listens there, something that is no socket has the path, or the socket cannot be made.
pub(crate) async fn listen_privately(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let _lock = lock_folder(path).await?;
    remove_stale_socket(path).await?;
    let socket = UnixSocket::new_stream()?;
    // Linux makes the file with the mode that the socket has before it is bound, so that it is never open to others.
    let descriptor = File::from(socket.as_fd().try_clone_to_owned()?);
    descriptor.set_permissions(Permissions::from_mode(PRIVATE_FILE))?;
    socket.bind(path)?;
    let found = fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), device: found.dev(), inode: found.ino() };
    let listener = socket.listen(BACKLOG)?;
    fs::set_permissions(path, Permissions::from_mode(PRIVATE_FILE))?;
    Ok((listener, file))
}

/// Locks the folder of `path`, so that of two processes that find the same stale socket none removes the other's new one.
/// Whoever keeps the lock for a second has another purpose with it, and is not waited for.
async fn lock_folder(path: &Path) -> io::Result<Option<FileLock>> {
    const WAIT: Duration = Duration::from_secs(1);
    const PAUSE: Duration = Duration::from_millis(10);
    let parent = parent_of(path);
    let open = || {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("the folder {}: {error}", parent.display()))
        };
        File::open(parent).map_err(named)
    };
    let locked = timeout(WAIT, async {
        loop {
            match FileLock::try_acquire(open()?) {
                Err(TryLockError::WouldBlock) => sleep(PAUSE).await,
                // Some file systems have no locks.
                other => return Ok(other.ok()),
            }
        }
    });
    locked.await.unwrap_or_else(|_| {
        tracing::debug!(folder = %parent.display(), "the folder of a socket stays locked");
        Ok(None)
    })
}

fn parent_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

async fn remove_stale_socket(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something that is no socket has this path",
        ));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // A process that is too busy to accept lives.
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
    }
}

impl SocketFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file. While another process replaces sockets in the folder, it stays: a stale socket does no harm.
    fn remove(&self) -> io::Result<()> {
        let _lock = FileLock::try_acquire(File::open(parent_of(&self.path))?)?;
        let found = fs::symlink_metadata(&self.path)?;
        if (found.dev(), found.ino()) != (self.device, self.inode) {
            return Err(io::Error::other("something else has its path now"));
        }
        fs::remove_file(&self.path)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::debug!(path = %self.path.display(), %error, "a socket is not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stale_socket_is_replaced_and_living_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locator");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        let (listener, file) = listen_privately(&path).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let refused = listen_privately(&path).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse, "{refused}");
        UnixStream::connect(&path).await.unwrap();
        drop((listener, file));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn file_of_another_socket_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locator");
        let (_listener, file) = listen_privately(&path).await.unwrap();
        // The former file is kept elsewhere, so that its number is not given to the new one.
        fs::rename(&path, folder.path().join("former")).unwrap();
        let (_newer, _newer_file) = listen_privately(&path).await.unwrap();
        drop(file);
        UnixStream::connect(&path).await.unwrap();
    }

    #[tokio::test]
    async fn other_files_are_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "x").unwrap();
        let refused = listen_privately(&path).await.unwrap_err().to_string();
        assert!(refused.contains("no socket"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"x");
        let missing = listen_privately(&folder.path().join("no/locator")).await.unwrap_err().to_string();
        assert!(missing.contains("the folder"), "{missing}");
    }

    #[tokio::test]
    async fn one_of_simultaneous_starts_gets_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locator");
        for _ in 0..20 {
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            let starts: Vec<_> = (0..4)
                .map(|_| {
                    let path = path.clone();
                    tokio::spawn(async move { listen_privately(&path).await })
                })
                .collect();
            let ended = futures_util::future::join_all(starts).await;
            let winners: Vec<_> = ended.into_iter().filter_map(|ended| ended.unwrap().ok()).collect();
            assert_eq!(winners.len(), 1);
            UnixStream::connect(&path).await.unwrap();
        }
    }
}
