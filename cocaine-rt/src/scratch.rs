//! The buffer in which arguments are encoded before the lock of a connection is taken.

use std::{
    cell::Cell,
    ops::{Deref, DerefMut},
};

use crate::encode::Encoded;

thread_local! {
    static KEPT: Cell<Encoded> = Cell::default();
}

/// An empty buffer of this thread, given back when it is dropped.
///
/// It is taken out for as long as it is used: encoding that encodes again gets a second one, and a panic loses it.
#[derive(Debug)]
pub(crate) struct Scratch(Encoded);

impl Scratch {
    /// The capacity above which a buffer is not kept.
    const LARGE: usize = 64 << 10;

    #[inline]
    pub(crate) fn take() -> Self {
        Self(KEPT.take())
    }
}

impl Deref for Scratch {
    type Target = Encoded;

    #[inline]
    fn deref(&self) -> &Encoded {
        &self.0
    }
}

impl DerefMut for Scratch {
    #[inline]
    fn deref_mut(&mut self) -> &mut Encoded {
        &mut self.0
    }
}

impl Drop for Scratch {
    #[inline]
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.0);
        if buffer.buf.capacity() <= Self::LARGE && !std::thread::panicking() {
            buffer.clear();
            // Without a thread-local the thread is about to end.
            let _ = KEPT.try_with(|kept| kept.set(buffer));
        }
    }
}
