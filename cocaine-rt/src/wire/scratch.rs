//! The buffer in which arguments are encoded before the lock of a connection is taken.

use std::{
    cell::Cell,
    ops::{Deref, DerefMut},
};

use crate::wire::encode::Encoded;

thread_local! {
    static POOLED: Cell<Option<Box<Encoded>>> = const { Cell::new(None) };
}

/// An empty buffer of this thread, given back when it is dropped.
///
/// It is taken out for as long as it is used: encoding that encodes again gets a second one, and a panic loses it. The
/// box makes it cheap to hand on; it is there until the drop.
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
        self.0.as_deref().expect("there until dropped")
    }
}

impl DerefMut for Scratch {
    #[inline]
    fn deref_mut(&mut self) -> &mut Encoded {
        self.0.as_deref_mut().expect("there until dropped")
    }
}

impl Drop for Scratch {
    #[inline]
    fn drop(&mut self) {
        let Some(mut buffer) = self.0.take() else { return };
        if buffer.buf.capacity() <= Self::MAX_POOLED_CAPACITY && !std::thread::panicking() {
            buffer.clear();
            // Without a thread-local the thread is about to end.
            let _ = POOLED.try_with(|pooled| pooled.set(Some(buffer)));
        }
    }
}
