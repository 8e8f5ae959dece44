//! The path of the control socket.

use std::{
    fs::File,
    io,
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

/// The longest path of a unix socket.
const MAX_SOCKET_PATH: usize = 107;

/// A path of the socket that can be bound and connected to, however long that of the folder is.
#[derive(Debug)]
pub(super) struct SocketPath {
    pub(super) path: PathBuf,
    /// Open for as long as the path leads through its descriptor.
    _folder: Option<File>,
}

impl SocketPath {
    /// Returns the path of the socket in a data folder.
    pub(super) fn new(data: &Path) -> io::Result<Self> {
        let folder = data.join("run");
        let path = folder.join("control");
        if path.as_os_str().as_bytes().len() <= MAX_SOCKET_PATH {
            return Ok(Self { path, _folder: None });
        }
        let folder = File::open(folder)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/control", folder.as_raw_fd()));
        Ok(Self { path, _folder: Some(folder) })
    }
}
