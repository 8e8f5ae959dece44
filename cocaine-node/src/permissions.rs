//! What other users of the machine may do with the node's files: nothing, whatever the umask is.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::Path,
};

/// The mode of a file for its owner alone.
pub(crate) const PRIVATE_FILE: u32 = 0o600;
/// The mode of a folder for its owner alone.
pub(crate) const PRIVATE_FOLDER: u32 = 0o700;

/// The sticky bit: a folder with it is shared by all users, such as `/tmp`.
const STICKY: u32 = 0o1000;

/// Creates a folder and the missing ones above it for their owner alone. A folder that exists keeps its mode.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(path)
}

/// Replaces the content of a file, which only its owner may read from now on.
pub(crate) fn write_private_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE_FILE).open(path)?;
    file.set_permissions(Permissions::from_mode(PRIVATE_FILE))?;
    io::Write::write_all(&mut &file, content)
}

/// Gives a new file to the owner of its folder, if this process may: what the administrator does in the folder of a node must
/// not lock the node out.
pub(crate) fn inherit_owner(file: &File, folder: &Path) -> io::Result<()> {
    let owner = fs::metadata(folder)?;
    if owner.uid() == file.metadata()?.uid() || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

/// Takes from other users what `mode` does not allow them, and logs it. A folder of another user, or one that all users
/// share, stays as it is.
pub(crate) fn narrow(path: &Path, mode: u32) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    let found = metadata.permissions().mode();
    if found & 0o777 & !mode == 0 {
        return Ok(());
    }
    let (shown, now) = (path.display(), format!("{:o}", found & 0o777));
    if found & STICKY != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
        tracing::warn!(path = %shown, mode = now, "other users may read this: the node needs a folder of its own");
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(found & mode))?;
    let narrowed = format!("{:o}", found & mode);
    tracing::warn!(path = %shown, from = now, to = narrowed, "other users could read this: permissions are narrowed");
    Ok(())
}
