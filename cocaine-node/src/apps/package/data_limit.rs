//! How much an archive may unpack to.

use std::{
    cell::Cell,
    io::{self, Read},
};

/// The bytes that all parts of an archive may still unpack to.
pub(super) struct DataLimit {
    limit: u64,
    left: Cell<u64>,
    ended: Cell<bool>,
}

impl DataLimit {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, left: Cell::new(limit), ended: Cell::new(false) }
    }

    /// Returns whether a reader has reached the end of its source.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    fn charge(&self, bytes: usize) -> io::Result<()> {
        let Some(left) = self.left.get().checked_sub(bytes as u64) else {
            let text = format!("the archive unpacks to more than {} bytes", self.limit);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        };
        self.left.set(left);
        Ok(())
    }
}

/// A reader that fails when the limit is exceeded.
pub(super) struct LimitedReader<'a, R> {
    source: R,
    limit: &'a DataLimit,
}

impl<'a, R: Read> LimitedReader<'a, R> {
    pub(super) fn new(source: R, limit: &'a DataLimit) -> Self {
        Self { source, limit }
    }
}

impl<R: Read> Read for LimitedReader<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.limit.charge(read)?;
        self.limit.ended.set(self.limit.ended.get() || read == 0 && !into.is_empty());
        Ok(read)
    }
}
