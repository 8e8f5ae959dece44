//! The future of an invocation.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A boxed slot for the future of an invocation. The box is reused while invocations finish on their first poll; one
/// that is pending moves to a task of its own, with the box.
pub(super) struct InvocationFuture<F>(Pin<Box<Option<F>>>);

impl<F> Default for InvocationFuture<F> {
    fn default() -> Self {
        Self(Box::pin(None))
    }
}

impl<F: Future<Output = ()>> InvocationFuture<F> {
    pub(super) fn set(&mut self, future: F) {
        self.0.set(Some(future));
    }

    /// Drops the future, and keeps the box.
    pub(super) fn clear(&mut self) {
        self.0.set(None);
    }

    pub(super) fn poll_once(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().as_pin_mut().map_or(Poll::Ready(()), |future| future.poll(cx))
    }
}

impl<F: Future<Output = ()>> Future for InvocationFuture<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_once(cx)
    }
}
