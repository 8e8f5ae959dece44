//! Packages: an app's files, which are unpacked before it is run (`node.md` 4).
//!
//! An archive is not trusted: whatever it holds, nothing is written outside of the folder, and no more than the bounds
//! allow. What it unpacks to may be anything else, for it is a program.

pub(crate) mod folders;
mod item;
mod reader;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, Permissions},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use cocaine::{Category, Error, Result, msgpack};
use flate2::bufread::GzDecoder;
use md5::{Digest, Md5};

use reader::{Entries, Limited};

use crate::errno::{self, Errno, invalid_argument};

/// How the name of a folder begins that is not complete yet; that of an app's never does.
pub(crate) const PARTIAL_PREFIX: &str = ".new-";

/// The longest name of a folder that an app's name is spelled out in.
const LONGEST_NAME: usize = 64;

/// How much an archive may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArchiveLimits {
    /// Bytes once it is decompressed, headers included.
    pub(crate) bytes: u64,
    /// Entries, headers of headers included.
    pub(crate) entries: u64,
    /// Bytes in the path of one entry.
    pub(crate) path: usize,
    /// Folders in the path of one entry, and its name.
    pub(crate) depth: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { bytes: 2 << 30, entries: 200_000, path: 1024, depth: 64 }
    }
}

/// Unpacks what storage holds of an app into `folder`, which holds nothing else afterwards. This blocks.
///
/// The folder appears only once all is unpacked; after an error there is none.
pub(crate) fn unpack(blob: &[u8], folder: &Path, bounds: ArchiveLimits) -> Result<()> {
    let failed = |error: io::Error| failed(&format!("cannot unpack into {}", folder.display()), &error);
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let archive: &[u8] = msgpack::from_slice(blob).map_err(|_| {
        Error::service(Category::NODE, 7, "[7] std::bad_cast: uncaught error while spooling app")
    })?;
    let parent = folder.parent().unwrap_or(Path::new("."));
    let private = Permissions::from_mode(0o700);
    let fresh = tempfile::Builder::new()
        .prefix(PARTIAL_PREFIX)
        .permissions(private)
        .tempdir_in(parent)
        .map_err(failed)?;
    place(archive, fresh.path(), bounds)?;
    fs::rename(fresh.path(), folder).map_err(failed)?;
    drop(fresh.keep());
    Ok(())
}

/// Unpacks the bytes of an archive into `root`.
fn place(archive: &[u8], root: &Path, bounds: ArchiveLimits) -> Result<()> {
    let mut source: Box<dyn Read + '_> =
        if archive.starts_with(b"\x1f\x8b") { Box::new(GzDecoder::new(archive)) } else { Box::new(archive) };
    let mut first = [0; 512];
    source.read_exact(&mut first).map_err(|_| unrecognized())?;
    if !is_header(&first) {
        return Err(unrecognized());
    }
    let mut source = Limited::new((&first[..]).chain(source), bounds.bytes);
    Entries::new(root, bounds).place(&mut source)?;
    // The checksum of what was compressed stands at the very end.
    io::copy(&mut source, &mut io::sink()).map(drop).map_err(|error| damaged(&error))
}

/// Returns whether a tar archive may begin like this: with a header whose sum is right, or with its end.
fn is_header(block: &[u8; 512]) -> bool {
    let header = tar::Header::from_byte_slice(block);
    let mut summed = header.clone();
    summed.set_cksum();
    let right = matches!((header.cksum(), summed.cksum()), (Ok(said), Ok(sum)) if said == sum);
    right || block.iter().all(|byte| *byte == 0)
}

fn unrecognized() -> Error {
    let code = Errno::ILSEQ.raw_os_error();
    let text = errno::strerror(code);
    Error::service(
        Category::UNKNOWN,
        code.into(),
        format!("[{code}] Unrecognized archive format: {text}: {text}"),
    )
}

/// Returns the error of an archive that cannot be read on.
fn damaged(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::FileTooLarge => too_large(&error.to_string()),
        _ => invalid_argument(&format!("the archive is damaged: {error}")),
    }
}

fn too_large(text: &str) -> Error {
    errno::error(Errno::FBIG, format!("{text}: File too large"))
}

/// Returns the error of something that the operating system did not do.
fn failed(what: &str, error: &io::Error) -> Error {
    errno::error(Errno::from_io_error(error).unwrap_or(Errno::IO), format!("{what}: {error}"))
}

/// Returns the name of an app's folder: one component of a path, another for each app.
///
/// It reads like the app's name where that is sane. Other bytes are `%` and two digits; of a name that is too long
/// only the beginning is there, and a hash.
pub(crate) fn folder_name(app: &str) -> String {
    let spelled = |(place, byte)| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
        b'.' if place > 0 => ".".into(),
        _ => format!("%{byte:02x}"),
    };
    let name: String = app.bytes().enumerate().map(spelled).collect();
    match name.len() {
        0 => "%".into(),
        1..=LONGEST_NAME => name,
        _ => {
            let hash = u128::from_be_bytes(Md5::digest(app).into());
            format!("{}%%{hash:032x}", &name[..LONGEST_NAME - "%%".len() - 32])
        }
    }
}
