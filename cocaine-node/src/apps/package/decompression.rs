//! Compressed data, recognised by its first bytes: gzip, bzip2, xz and Zstandard.
//!
//! All four may consist of several members, one after the other: `cat a.gz b.gz`, `bgzip`, `pigz -i`, `pbzip2`, `pzstd`.
//! They are read on until the end. As GNU tar and libarchive do, what follows the last member is ignored.

use std::io::{self, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;

use super::{source::Source, zstd_frame::ZstdFrame};

/// The largest window or dictionary in bytes, which is memory of the node. `xz -9` needs half of it, `zstd --long` all.
const MAX_WINDOW: u64 = 128 << 20;

/// What xz needs beside its dictionary, in KiB.
const XZ_OVERHEAD_KIB: u64 = 1 << 10;

/// How compressed data is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

impl Compression {
    /// Returns the compression of data with this beginning.
    pub(super) fn detect(bytes: &[u8]) -> Option<Self> {
        [Self::Gzip, Self::Bzip2, Self::Xz, Self::Zstd].into_iter().find(|one| one.is_member(bytes))
    }

    fn is_member(self, bytes: &[u8]) -> bool {
        match self {
            Self::Gzip => bytes.starts_with(b"\x1f\x8b"),
            Self::Bzip2 => bytes.starts_with(b"BZh"),
            Self::Xz => bytes.starts_with(b"\xfd7zXZ\0"),
            // Frames with data, and skippable ones, which `pzstd` begins with.
            Self::Zstd => matches!(bytes, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }

    fn member(self, source: Source<'_>) -> Member<'_> {
        match self {
            Self::Gzip => Member::Gzip(GzDecoder::new(source)),
            Self::Bzip2 => Member::Bzip2(BzDecoder::new(source)),
            Self::Xz => {
                let limit = u32::try_from((MAX_WINDOW >> 10) + XZ_OVERHEAD_KIB).unwrap_or(u32::MAX);
                Member::Xz(Box::new(XzReader::new_mem_limit(source, false, limit)))
            }
            Self::Zstd => Member::Zstd(Box::new(ZstdFrame::new(source, MAX_WINDOW))),
        }
    }
}

/// A reader of one member.
enum Member<'a> {
    Gzip(GzDecoder<Source<'a>>),
    Bzip2(BzDecoder<Source<'a>>),
    Xz(Box<XzReader<Source<'a>>>),
    Zstd(Box<ZstdFrame<'a>>),
}

impl<'a> Member<'a> {
    fn source(&self) -> Source<'a> {
        match self {
            Self::Gzip(decoder) => *decoder.get_ref(),
            Self::Bzip2(decoder) => *decoder.get_ref(),
            Self::Xz(decoder) => *decoder.inner(),
            Self::Zstd(decoder) => decoder.source(),
        }
    }
}

impl Read for Member<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(into),
            Self::Bzip2(decoder) => decoder.read(into),
            Self::Xz(decoder) => decoder.read(into),
            Self::Zstd(decoder) => decoder.read(into),
        }
    }
}

/// A reader of what all members together contain.
pub(super) struct Decompressor<'a> {
    compression: Compression,
    len: usize,
    member: Option<Member<'a>>,
    /// How many members may follow, since an empty one costs time too.
    members_left: u64,
}

impl<'a> Decompressor<'a> {
    pub(super) fn new(compression: Compression, bytes: &'a [u8], max_members: u64) -> Self {
        let member = Some(compression.member(Source::new(bytes)));
        Self { compression, len: bytes.len(), member, members_left: max_members }
    }

    /// Continues with the member that follows, if there is one.
    fn start_next(&mut self, source: Source<'a>) -> io::Result<()> {
        let rest = source.rest();
        let padding = rest.iter().take_while(|byte| **byte == 0).count();
        let rest = &rest[padding..];
        self.member = None;
        if self.compression.is_member(rest) {
            self.members_left = self.members_left.checked_sub(1).ok_or_else(|| {
                let text = format!("the archive has too many parts of {} data", self.compression.name());
                io::Error::new(io::ErrorKind::FileTooLarge, text)
            })?;
            self.member = Some(self.compression.member(Source::new(rest)));
        }
        Ok(())
    }

    /// Returns the error of a member with what is wrong with the whole.
    fn explain(&self, error: &io::Error, source: Source<'a>) -> io::Error {
        let (name, len) = (self.compression.name(), self.len);
        if error.kind() == io::ErrorKind::OutOfMemory {
            let text =
                format!("unpacking the archive's {name} data takes more than {MAX_WINDOW} bytes of memory");
            io::Error::new(io::ErrorKind::FileTooLarge, text)
        } else if source.has_ended() {
            let text = format!("its {name} data, of {len} bytes, has no end");
            io::Error::new(io::ErrorKind::UnexpectedEof, text)
        } else {
            io::Error::new(io::ErrorKind::InvalidData, format!("its {name} data is invalid: {error}"))
        }
    }
}

impl Read for Decompressor<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            match member.read(into) {
                Ok(0) => {
                    let source = member.source();
                    self.start_next(source)?;
                }
                Ok(read) => return Ok(read),
                Err(error) => {
                    let source = member.source();
                    return Err(self.explain(&error, source));
                }
            }
        }
        Ok(0)
    }
}
