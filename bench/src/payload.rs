//! The blobs that every server returns, and the arguments that ask for them.

use std::sync::LazyLock;

use anyhow::{Result, ensure};
use bytes::Bytes;

/// One of the two blobs that the servers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
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

impl Payload {
    /// Returns the arguments of the call: a collection and a key in it.
    pub fn args(self) -> (&'static str, &'static str) {
        match self {
            Self::Manifest => ("manifests", "app"),
            Self::Blob => ("blobs", "app"),
        }
    }

    /// Returns the expected reply.
    pub fn expected(self) -> &'static Bytes {
        match self {
            Self::Manifest => &MANIFEST,
            Self::Blob => &BLOB,
        }
    }

    /// Checks a reply byte for byte.
    pub fn check(self, reply: &[u8]) -> Result<()> {
        ensure!(reply == self.expected(), "a wrong reply of {} bytes", reply.len());
        Ok(())
    }
}

/// Reads a blob from the storage behind each server.
pub fn read(collection: &str, key: &str) -> Option<Bytes> {
    let payload =
        [Payload::Manifest, Payload::Blob].into_iter().find(|payload| payload.args() == (collection, key))?;
    Some(payload.expected().clone())
}
