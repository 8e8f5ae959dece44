//! What a file needs beside its content to survive a crash.

use std::{fs::File, io, path::Path};

/// Makes the entries of a folder durable: a file survives a crash only if its entry does.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}
