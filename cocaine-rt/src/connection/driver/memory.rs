//! What the task of a connection does for the memory that others wait for.

use std::{
    future::Future,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    Driver,
    stall::{SocketProgress, Stall},
};
use crate::{
    connection::mux::{PendingInvocation, Violation, memory::too_slow},
    protocol::{code::Code, error::Error, memory::MemoryReservation},
};

impl<IO, B, F> Driver<IO, B, F>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    B: FnMut(PendingInvocation) -> F + Unpin,
    F: Future<Output = ()> + Send + 'static,
{
    /// Reserves the room that the incomplete frame needs next, or refuses the frame if there is none.
    #[inline]
    pub(super) fn reserve_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let needed = self.input.needed_room(self.frame_room.bytes());
        if needed == 0 {
            return Poll::Ready(());
        }
        let reserved = self.frame_room.poll_request(cx, &self.conn, needed);
        reserved.map(|result| self.finish_room_request(result))
    }

    pub(super) fn finish_room_request(&mut self, result: Result<(), Error>) {
        if let Err(reason) = result {
            self.refuse_frame(&reason);
        }
    }

    /// Skips the arguments of the incomplete frame, and fails its call; ends the connection if that is impossible.
    fn refuse_frame(&mut self, reason: &Error) {
        if self.input.refuse_frame(reason) {
            self.deliver_frames();
        } else {
            self.violation = Some(Violation::new(Code::OUT_OF_MEMORY, reason.to_string()));
        }
        let room = self.frame_room.shrink_to(self.input.room());
        self.conn.with(|mux| mux.set_input_bytes(room, MemoryReservation::default()));
    }

    /// Refuses the frame that comes too slowly, or ends the connection whose peer does not read, if others wait for their
    /// memory.
    pub(super) fn check_progress(&mut self, ticks: u64) -> Result<(), Error> {
        if !self.conn.lock().mux.is_memory_scarce() {
            self.stall.reset();
            return Ok(());
        }
        let (written, output) = self.writer.progress();
        let room = if self.paused { 0 } else { self.frame_room.bytes() };
        let now = SocketProgress { read: self.read_bytes, written, room, output };
        let limits = *self.conn.limits();
        match self.stall.advance(ticks, limits.memory_stall_timeout(), now) {
            Some(Stall::Input(bytes)) => {
                self.refuse_frame(&too_slow("has sent", bytes, limits));
                self.take_violation()
            }
            Some(Stall::Output(bytes)) => Err(too_slow("has read", bytes, limits)),
            None => Ok(()),
        }
    }
}
