//! The future of an invocation.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::connection::handle::SharedConnection;

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

/// A unary call in a task of its own, which ends early when the caller leaves.
pub(super) struct CancellableCall<F> {
    // Dropped first: it sends no answer while the call is known as abandoned.
    invocation: InvocationFuture<F>,
    registration: Registration,
}

/// The entry of a call among the detached ones, until it is dropped.
struct Registration {
    conn: Arc<SharedConnection>,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.conn.with(|mux| mux.remove_detached(self.id));
    }
}

impl<F> CancellableCall<F> {
    pub(super) fn new(invocation: InvocationFuture<F>, conn: Arc<SharedConnection>, id: u64) -> Self {
        conn.with(|mux| mux.detach_call(id));
        Self { invocation, registration: Registration { conn, id } }
    }
}

impl<F: Future<Output = ()>> Future for CancellableCall<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.invocation.poll_once(cx).is_ready() {
            return Poll::Ready(());
        }
        let Registration { conn, id } = &self.registration;
        conn.with(|mux| mux.poll_abandoned(*id, cx.waker()))
    }
}
