//! A received message that waits for its reader.

use crate::wire::headers::Headers;

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: u64,
    /// The argument array, a slice of the read buffer.
    pub(crate) args: bytes::Bytes,
    pub(crate) headers: Headers,
}

impl Message {
    /// The memory that a message takes beside its bytes.
    const OVERHEAD: usize = 64;

    /// Returns how much memory the message takes.
    pub(crate) fn weight(&self) -> usize {
        self.args.len() + self.headers.weight() + Self::OVERHEAD
    }

    /// Copies small arguments out of the read buffer, which they would keep alive for as long as they wait.
    pub(super) fn detach(&mut self) {
        if self.args == EMPTY_LIST {
            self.args = bytes::Bytes::from_static(EMPTY_LIST);
        } else if self.args.len() < MIN_SHARED_LEN {
            self.args = bytes::Bytes::copy_from_slice(&self.args);
        }
    }
}

/// From this length on arguments stay a slice of the read buffer.
const MIN_SHARED_LEN: usize = 4096;

const EMPTY_LIST: &[u8] = &[0x90];
