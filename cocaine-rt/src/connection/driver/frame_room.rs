//! The room for frames that arrive in parts, which is reserved before they are read.

use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::Sleep;

use crate::{
    connection::handle::SharedConnection,
    protocol::{
        error::Error,
        memory::{MemoryRequest, MemoryReservation},
    },
};

/// The room of the incomplete frame of a connection.
///
/// A frame gets room for all that is known of its length, in the order in which such frames begin, so that two of them never
/// wait for each other. While it waits, the socket is not read.
#[derive(Debug, Default)]
pub(super) struct FrameRoom {
    /// The bytes that are reserved.
    bytes: usize,
    waiting: Option<WaitingFrame>,
}

#[derive(Debug)]
struct WaitingFrame {
    /// The room that the frame gets.
    wanted: usize,
    request: MemoryRequest,
    deadline: Pin<Box<Sleep>>,
}

impl FrameRoom {
    /// Returns the bytes that are reserved.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Returns once there is room for `wanted` bytes, or with the reason why there is none: there is less for too long, less
    /// than that in all, or none now on a connection that must not wait.
    pub(super) fn poll_request(
        &mut self,
        cx: &mut Context<'_>,
        conn: &SharedConnection,
        wanted: usize,
    ) -> Poll<Result<(), Error>> {
        let missing = wanted - self.bytes;
        let (stage, can_wait) = conn.with(|mux| (mux.memory_stage(), mux.can_await_room()));
        let mut request = match conn.memory().request(missing, stage) {
            Ok(request) => request,
            Err(refusal) => return Poll::Ready(Err(refusal)),
        };
        if let Poll::Ready(reservation) = Pin::new(&mut request).poll(cx) {
            self.set(conn, wanted, reservation);
            return Poll::Ready(Ok(()));
        }
        if !can_wait {
            return Poll::Ready(Err(conn.memory().refusal(missing)));
        }
        let deadline = Box::pin(tokio::time::sleep(conn.limits().stall_timeout));
        self.waiting = Some(WaitingFrame { wanted, request, deadline });
        conn.with(|mux| mux.set_awaiting_room(true));
        self.poll_waiting(cx, conn)
    }

    /// Returns once the frame that waits has room, or has waited for too long.
    pub(super) fn poll_waiting(
        &mut self,
        cx: &mut Context<'_>,
        conn: &SharedConnection,
    ) -> Poll<Result<(), Error>> {
        let Some(WaitingFrame { wanted, request, deadline }) = &mut self.waiting else {
            return Poll::Ready(Ok(()));
        };
        let result = if let Poll::Ready(reservation) = Pin::new(request).poll(cx) {
            let wanted = *wanted;
            self.set(conn, wanted, reservation);
            Ok(())
        } else if deadline.as_mut().poll(cx).is_ready() || !conn.with(|mux| mux.can_await_room()) {
            Err(conn.memory().refusal(*wanted))
        } else {
            return Poll::Pending;
        };
        self.waiting = None;
        conn.with(|mux| mux.set_awaiting_room(false));
        Poll::Ready(result)
    }

    fn set(&mut self, conn: &SharedConnection, bytes: usize, reservation: MemoryReservation) {
        self.bytes = bytes;
        conn.with(|mux| mux.set_input_bytes(bytes, reservation));
    }

    /// Keeps room for `bytes` bytes of what is reserved, and returns them.
    pub(super) fn shrink_to(&mut self, bytes: usize) -> usize {
        self.bytes = mem::take(&mut self.bytes).min(bytes);
        self.bytes
    }
}
