//! The buffer for encoding arguments before the lock of a connection is taken.

use std::{
    cell::Cell,
    ops::{Deref, DerefMut},
};

use crate::wire::encode::Encoded;

thread_local! {
    static POOLED: Cell<Option<Box<Encoded>>> = const { Cell::new(None) };
}

/// An empty buffer from the pool of this thread, which gets it back on drop.
///
/// The pool holds one buffer. A nested encoding allocates a second one, and a panic loses it. The box makes it cheap to
/// move, and is `Some` until the drop.
#[derive(Debug)]
pub(crate) struct Scratch(Option<Box<Encoded>>);

impl Scratch {
    /// The capacity above which a buffer is not pooled.
    const MAX_POOLED_CAPACITY: usize = 64 << 10;

    #[inline]
    pub(crate) fn take() -> Self {
        Self(Some(POOLED.take().unwrap_or_default()))
    }
}

impl Deref for Scratch {
    type Target = Encoded;

    #[inline]
    fn deref(&self) -> &Encoded {
        self.0.as_deref().expect("the buffer is present until the drop")
    }
}

impl DerefMut for Scratch {
    #[inline]
    fn deref_mut(&mut self) -> &mut Encoded {
        self.0.as_deref_mut().expect("the buffer is present until the drop")
    }
}

impl Drop for Scratch {
    #[inline]
    fn drop(&mut self) {
        let Some(mut buffer) = self.0.take() else { return };
        if buffer.buf.capacity() <= Self::MAX_POOLED_CAPACITY && !std::thread::panicking() {
            buffer.clear();
            // Fails only while the thread ends.
            let _ = POOLED.try_with(|pooled| pooled.set(Some(buffer)));
        }
    }
}
