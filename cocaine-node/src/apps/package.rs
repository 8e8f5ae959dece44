//! Packages: the files of an app, which are unpacked before it runs (`node.md` 4).
//!
//! An archive is not trusted: whatever it contains, nothing is written outside of the folder, and no more than the limits
//! allow. The files themselves are not checked, since the app runs them anyway.

mod data_limit;
mod decompression;
mod entry;
pub(crate) mod folders;
mod source;
mod tar_archive;
#[cfg(test)]
mod tests;
mod zip_archive;
mod zstd_frame;

use std::{
    fs::{self, Permissions},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use cocaine::{Category, Code, Error, Result, msgpack};
use md5::{Digest, Md5};

use self::decompression::{Compression, Decompressor};

use crate::errno::{self, Errno, append_text, invalid_argument};

/// The prefix of a partially unpacked folder. No folder of an app has it.
pub(crate) const PARTIAL_PREFIX: &str = ".new-";

/// Longer names of folders end in a hash.
const MAX_FOLDER_NAME: usize = 64;

/// How much an archive may contain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArchiveLimits {
    /// Decompressed bytes, including headers.
    pub(crate) bytes: u64,
    /// Entries, including extended headers.
    pub(crate) entries: u64,
    /// Bytes in the path of an entry.
    pub(crate) path: usize,
    /// Components in the path of an entry.
    pub(crate) depth: usize,
    /// Parts that compressed data may consist of.
    pub(crate) members: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { bytes: 2 << 30, entries: 200_000, path: 1024, depth: 64, members: 500_000 }
    }
}

/// Unpacks the stored package of an app into `folder`, and replaces what was there. This blocks.
///
/// The folder appears only when everything is unpacked; after an error it does not exist.
pub(crate) fn unpack(blob: &[u8], folder: &Path, limits: ArchiveLimits) -> Result<()> {
    let failed = |error: io::Error| io_error(&format!("cannot unpack into {}", folder.display()), &error);
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let archive: &[u8] = msgpack::from_slice(blob).map_err(|_| {
        let text = "[7] std::bad_cast: uncaught error while spooling app";
        let hint = "what is stored must be the bytes of an archive as one MessagePack raw, and nothing else";
        append_text(Error::service(Code::SPOOL_ERROR, text), hint)
    })?;
    let parent = folder.parent().unwrap_or(Path::new("."));
    let private = Permissions::from_mode(0o700);
    let partial = tempfile::Builder::new()
        .prefix(PARTIAL_PREFIX)
        .permissions(private)
        .tempdir_in(parent)
        .map_err(failed)?;
    unpack_archive(archive, partial.path(), limits)?;
    fs::rename(partial.path(), folder).map_err(failed)?;
    drop(partial.keep());
    Ok(())
}

/// Unpacks an archive into `root`: tar, compressed or not, or zip. Its first bytes say which it is.
fn unpack_archive(archive: &[u8], root: &Path, limits: ArchiveLimits) -> Result<()> {
    if archive.first_chunk().is_some_and(tar_archive::is_header) {
        return tar_archive::unpack(archive, root, limits);
    }
    if zip_archive::is_zip(archive) {
        return zip_archive::unpack(archive, root, limits);
    }
    let compression = Compression::detect(archive).ok_or_else(unrecognized)?;
    let mut source = Decompressor::new(compression, archive, limits.members);
    let mut first = Vec::new();
    let block = Read::take(&mut source, 512).read_to_end(&mut first);
    block.map_err(|error| damaged(&error))?;
    if !first.first_chunk().is_some_and(tar_archive::is_header) {
        return Err(unrecognized());
    }
    tar_archive::unpack(first.as_slice().chain(source), root, limits)
}

/// Returns the original's error for bytes of no known archive format.
fn unrecognized() -> Error {
    let code = Errno::ILSEQ.raw_os_error();
    let text = errno::strerror(code);
    let text = format!("[{code}] Unrecognized archive format: {text}: {text}");
    let error = Error::service(Code::new(Category::UNKNOWN, code.into()), text);
    append_text(error, "a package is a tar archive, plain or in gzip, bzip2, xz or zstd, or a zip archive")
}

/// Returns the error for an archive that cannot be read further.
fn damaged(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::FileTooLarge => too_large(&error.to_string()),
        io::ErrorKind::UnexpectedEof => incomplete(&error.to_string()),
        _ => invalid_argument(&format!("the archive is damaged: {error}")),
    }
}

/// Returns the error for an archive that was cut off, with what is missing.
fn incomplete(missing: &str) -> Error {
    invalid_argument(&format!("the archive is incomplete: {missing}; pack and upload it again"))
}

/// Returns the error for an archive beyond its limits.
fn too_large(text: &str) -> Error {
    errno::error(Errno::FBIG, format!("{text}: File too large"))
}

/// Returns the error for a failed file operation.
fn io_error(what: &str, error: &io::Error) -> Error {
    errno::error(Errno::from_io_error(error).unwrap_or(Errno::IO), format!("{what}: {error}"))
}

/// Returns the name of an app's folder: one component of a path, unique to the app.
///
/// Letters, digits, `_`, `-` and inner dots stay as they are. Other bytes become `%` and two digits. A long name is cut
/// and ends in a hash.
pub(crate) fn folder_name(app: &str) -> String {
    let escaped = |(index, byte)| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
        b'.' if index > 0 => ".".into(),
        _ => format!("%{byte:02x}"),
    };
    let name: String = app.bytes().enumerate().map(escaped).collect();
    match name.len() {
        0 => "%".into(),
        1..=MAX_FOLDER_NAME => name,
        _ => {
            let hash = u128::from_be_bytes(Md5::digest(app).into());
            format!("{}%%{hash:032x}", &name[..MAX_FOLDER_NAME - "%%".len() - 32])
        }
    }
}
