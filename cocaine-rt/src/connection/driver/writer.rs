//! The output of a connection on its way to the socket.

use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use crate::{
    connection::{handle::SharedConnection, mux::Mux, output::Output},
    protocol::error::Error,
};

/// When the output is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FlushMode {
    /// After other tasks had a chance to add to it, if several calls are under way.
    Coalesce,
    Immediate,
}

/// The result of a flush.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FlushStatus {
    /// Everything is written.
    Idle,
    /// The task yields before it writes.
    Yielded,
    /// The socket accepts no more bytes.
    Blocked,
}

/// Writes what the mux has queued.
#[derive(Debug, Default)]
pub(super) struct Writer {
    output: Output,
    /// The task has yielded since it last took output, so that callers could add to it.
    yielded: bool,
    /// The bytes that were taken from the mux in all.
    taken: u64,
}

impl Writer {
    /// Writes the output until there is none or the socket accepts no more.
    pub(super) fn flush<IO: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut IO,
        conn: &SharedConnection,
        mode: FlushMode,
    ) -> Result<FlushStatus, Error> {
        loop {
            if self.output.is_empty()
                && let Some(status) = self.refill_output(conn, mode)
            {
                if status == FlushStatus::Yielded {
                    cx.waker().wake_by_ref();
                }
                return Ok(status);
            }
            match self.output.poll_write(cx, io) {
                Poll::Ready(Ok(())) => conn.with(Mux::note_written),
                Poll::Ready(Err(error)) => {
                    return Err(Error::disconnected(error.to_string()).with_source(error));
                }
                Poll::Pending => return Ok(FlushStatus::Blocked),
            }
        }
    }

    /// Returns how many bytes were written in all, and how many are still to be written of those that were taken.
    pub(super) fn progress(&self) -> (u64, usize) {
        let remaining = self.output.remaining();
        (self.taken - remaining as u64, remaining)
    }

    /// Takes the queued output from the mux; returns why, if it does not.
    fn refill_output(&mut self, conn: &SharedConnection, mode: FlushMode) -> Option<FlushStatus> {
        let (output, yielded, taken) = (&mut self.output, &mut self.yielded, &mut self.taken);
        conn.with(|mux| {
            if mux.output_len() == 0 {
                let idle = if mux.wake_senders() { FlushStatus::Yielded } else { FlushStatus::Idle };
                return Some(idle);
            }
            if mode == FlushMode::Coalesce && !*yielded && mux.in_flight() > 1 {
                *yielded = true;
                return Some(FlushStatus::Yielded);
            }
            *yielded = false;
            *taken += mux.take_output(output.refill()) as u64;
            None
        })
    }
}
