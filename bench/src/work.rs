//! What is asked of every server, and what it has to answer.

use std::sync::LazyLock;

use anyhow::{Result, ensure};
use bytes::Bytes;

/// One of the two blobs that the servers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// 64 bytes, the size of a small manifest.
    Manifest,
    /// 1 MiB.
    Blob,
}

static MANIFEST: LazyLock<Bytes> = LazyLock::new(|| pattern(64));
static BLOB: LazyLock<Bytes> = LazyLock::new(|| pattern(1 << 20));

fn pattern(len: u32) -> Bytes {
    (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

impl Work {
    /// The arguments of the call: a collection and a key in it.
    pub fn args(self) -> (&'static str, &'static str) {
        match self {
            Self::Manifest => ("manifests", "app"),
            Self::Blob => ("blobs", "app"),
        }
    }

    /// The right answer.
    pub fn expected(self) -> &'static Bytes {
        match self {
            Self::Manifest => &MANIFEST,
            Self::Blob => &BLOB,
        }
    }

    /// Compares an answer, byte for byte, with the right one.
    pub fn check(self, reply: &[u8]) -> Result<()> {
        ensure!(reply == self.expected(), "a wrong answer of {} bytes", reply.len());
        Ok(())
    }
}

/// The storage behind each server: the two blobs, by collection and key.
pub fn read(collection: &str, key: &str) -> Option<Bytes> {
    let work = [Work::Manifest, Work::Blob].into_iter().find(|work| work.args() == (collection, key))?;
    Some(work.expected().clone())
}
