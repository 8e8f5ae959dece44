//! The task that owns a socket: it reads, delivers frames, begins invocations, and writes.

mod frame_room;
mod input;
mod invocation;
mod memory;
mod stall;
mod ticker;
mod writer;

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Sleep,
};

use self::{
    frame_room::FrameRoom,
    input::{Input, InputFrame},
    invocation::{CancellableCall, InvocationFuture},
    stall::StallWatch,
    ticker::Ticker,
    writer::{FlushMode, FlushStatus, Writer},
};
use crate::{
    connection::{
        handle::{ConnectionHandle, SharedConnection},
        mux::{Mux, PendingInvocation, Role, Violation},
    },
    protocol::{
        code::Code,
        error::{Error, ErrorKind},
        limits::Limits,
        memory::{MemoryBudget, MemoryReservation},
    },
};

/// Starts the task of a client's connection.
pub(crate) fn connect<IO>(io: IO, peer: Arc<str>, limits: Limits, memory: MemoryBudget) -> ConnectionHandle
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let conn = SharedConnection::new(peer, limits, memory, Role::Client);
    tokio::spawn(Driver::new(io, conn.clone(), limits, |_: PendingInvocation| std::future::ready(())));
    ConnectionHandle::new(conn)
}

/// The task of one connection, until its end. `begin` turns an invocation into its future; a client's is never called.
pub(crate) struct Driver<IO, B, F> {
    conn: Arc<SharedConnection>,
    io: IO,
    begin: B,
    input: Input,
    frame_room: FrameRoom,
    /// The bytes that were read in all.
    read_bytes: u64,
    stall: StallWatch,
    /// The invocations that [`Driver::run_pending`] begins next; empty between its calls.
    batch: Vec<PendingInvocation>,
    /// The wakers of one delivery; empty between deliveries.
    wakers: Vec<Waker>,
    /// The future of the invocation that is polled for the first time.
    invocation: InvocationFuture<F>,
    writer: Writer,
    /// The last poll did not read, so that arriving bytes do not wake the task.
    paused: bool,
    ticker: Ticker,
    /// Runs while a connection without handles still has output to write.
    close_timer: Option<Pin<Box<Sleep>>>,
    violation: Option<Violation>,
    /// See [`Limits::max_queued_bytes`].
    max_queued_bytes: usize,
}

/// The result of a read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadStatus {
    /// Nothing was read.
    Empty,
    Read,
    /// A large frame was delivered.
    LargeFrame,
}

impl<IO, B, F> Driver<IO, B, F>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    B: FnMut(PendingInvocation) -> F + Unpin,
    F: Future<Output = ()> + Send + 'static,
{
    /// The size at which the replies of a batch are first written while the rest of it is processed. It grows fourfold
    /// each time.
    const FIRST_FLUSH_SIZE: usize = 2 << 10;
    /// How long the peer may take to read the remaining output of a connection without handles.
    const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

    pub(crate) fn new(io: IO, conn: Arc<SharedConnection>, limits: Limits, begin: B) -> Self {
        Self {
            conn,
            io,
            begin,
            input: Input::new(limits.max_frame_bytes),
            frame_room: FrameRoom::default(),
            read_bytes: 0,
            stall: StallWatch::default(),
            batch: Vec::new(),
            wakers: Vec::new(),
            invocation: InvocationFuture::default(),
            writer: Writer::default(),
            paused: false,
            ticker: Ticker::default(),
            close_timer: None,
            violation: None,
            max_queued_bytes: limits.max_queued_bytes,
        }
    }

    /// Does what can be done now. An error ends the connection.
    fn drive(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        loop {
            let read = self.read(cx)?;
            self.run_pending(cx)?;
            let mode = if read == ReadStatus::LargeFrame || self.violation.is_some() {
                FlushMode::Immediate
            } else {
                FlushMode::Coalesce
            };
            let flush = self.writer.flush(cx, &mut self.io, &self.conn, mode)?;
            self.take_violation()?;
            if read == ReadStatus::LargeFrame {
                cx.waker().wake_by_ref();
                return Ok(());
            }
            let ticks = self.ticker.poll(cx, &self.conn);
            if ticks > 0 {
                self.check_progress(ticks)?;
            }
            if flush == FlushStatus::Yielded || (read == ReadStatus::Empty && self.try_park(cx, flush)?) {
                return Ok(());
            }
        }
    }

    fn take_violation(&mut self) -> Result<(), Error> {
        match self.violation.take() {
            Some(Violation { cause, text }) => Err(Error::protocol(text).with_wire_code(cause)),
            None => Ok(()),
        }
    }

    /// Reads once and delivers the complete frames.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<ReadStatus, Error> {
        let wants_input = self.conn.unpark_driver();
        if self.frame_room.is_waiting() {
            let Poll::Ready(result) = self.frame_room.poll_waiting(cx, &self.conn) else {
                return Ok(ReadStatus::Empty);
            };
            self.finish_room_request(result);
            return Ok(ReadStatus::Read);
        }
        let paused = self.violation.is_some() || !wants_input || self.reserve_room(cx).is_pending();
        if paused != self.paused {
            self.conn.set_paused(paused);
        }
        self.paused = paused;
        if paused || self.violation.is_some() {
            return Ok(ReadStatus::Empty);
        }
        match self.input.poll_read(cx, &mut self.io, self.frame_room.bytes()) {
            Poll::Pending => Ok(ReadStatus::Empty),
            Poll::Ready(Ok(0)) => Err(Error::disconnected(
                "closed by the other side, as runtimes do when they cannot read a call",
            )
            .with_wire_code(Code::EOF)),
            Poll::Ready(Ok(count)) => {
                self.conn.count_reception();
                self.read_bytes += count as u64;
                Ok(self.deliver_frames())
            }
            Poll::Ready(Err(error)) => Err(Error::disconnected(error.to_string()).with_source(error)),
        }
    }

    /// Delivers the complete frames of the input, and skips those that are too long.
    fn deliver_frames(&mut self) -> ReadStatus {
        let mut status = self.deliver_scanned_frames();
        if let Some((channel, len)) = self.input.take_oversized() {
            let refusal = self.input.refusal();
            self.conn.with(|mux| mux.fail_oversized(channel, len, refusal));
        }
        while self.violation.is_none() && self.input.skip() {
            if self.deliver_scanned_frames() == ReadStatus::LargeFrame {
                status = ReadStatus::LargeFrame;
            }
        }
        status
    }

    /// Delivers the complete frames of the input under one lock.
    fn deliver_scanned_frames(&mut self) -> ReadStatus {
        if let Err(error) = self.input.scan() {
            self.violation = Some(Violation::new((&error).into(), error.to_string()));
        }
        let Some(batch) = self.input.split_frames() else { return ReadStatus::Read };
        let frames = self.input.frames();
        let (had_room, room) = (self.frame_room.bytes() > 0, self.input.room());
        let received = self.conn.with_wakers(&mut self.wakers, |mux| {
            if had_room {
                mux.set_input_bytes(room, MemoryReservation::default());
            }
            frames.iter().try_for_each(|InputFrame { start, bounds, skipped, refusal }| match skipped {
                0 => mux.receive(&batch, *start, bounds),
                skipped => mux.receive_oversized(&batch, *start, bounds, *skipped, refusal.as_ref()),
            })
        });
        self.frame_room.shrink_to(room);
        if let Err(violation) = received {
            self.violation = Some(violation);
        }
        if self.input.has_large_frame() { ReadStatus::LargeFrame } else { ReadStatus::Read }
    }

    /// Begins the pending invocations, and writes their replies in growing portions.
    fn run_pending(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let mut flush_size = Self::FIRST_FLUSH_SIZE;
        loop {
            let mut batch = std::mem::take(&mut self.batch);
            self.conn.with(|mux| batch.extend(std::iter::from_fn(|| mux.begin())));
            if batch.is_empty() {
                self.batch = batch;
                return Ok(());
            }
            let mut waiting = batch.drain(..);
            while let Some(pending) = waiting.next() {
                self.invoke(cx, pending);
                if self.conn.queued.load(Ordering::Relaxed) >= flush_size {
                    flush_size = (flush_size * 4).min(self.max_queued_bytes);
                    let flush = self.writer.flush(cx, &mut self.io, &self.conn, FlushMode::Immediate)?;
                    let blocked = flush == FlushStatus::Blocked;
                    if blocked && self.conn.queued.load(Ordering::Relaxed) >= self.max_queued_bytes {
                        // The client does not read its replies: its further requests wait.
                        self.conn.with(|mux| mux.requeue(waiting.by_ref()));
                    }
                }
            }
            drop(waiting);
            self.batch = batch;
        }
    }

    /// Polls an invocation once; if it is pending, spawns it as a task.
    fn invoke(&mut self, cx: &mut Context<'_>, pending: PendingInvocation) {
        let cancellable = pending.is_cancellable.then_some(pending.id);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let future = (self.begin)(pending);
            self.invocation.set(future);
            self.invocation.poll_once(cx)
        }));
        match polled {
            Ok(Poll::Ready(())) => self.invocation.clear(),
            Ok(Poll::Pending) => {
                let invocation = std::mem::take(&mut self.invocation);
                match cancellable {
                    Some(id) => drop(tokio::spawn(CancellableCall::new(invocation, self.conn.clone(), id))),
                    None => drop(tokio::spawn(invocation)),
                }
            }
            Err(_) => {
                tracing::error!(peer = %self.conn.peer(), "a handler panicked");
                self.invocation.clear();
            }
        }
    }

    /// Registers the task's waker and returns true, unless there is more to do. Fails once nobody uses the connection.
    fn try_park(&mut self, cx: &mut Context<'_>, flush: FlushStatus) -> Result<bool, Error> {
        let mut state = self.conn.lock();
        if let Some(error) = state.mux.closed() {
            return Err(error.clone());
        }
        let idle = state.mux.output_len() == 0 && flush == FlushStatus::Idle;
        if idle && (state.unused || state.mux.is_drained()) {
            return Err(Error::disconnected("closed by this side"));
        }
        let resumes = self.paused && state.mux.wants_input();
        if resumes || state.mux.can_begin() || (flush == FlushStatus::Idle && !idle) {
            return Ok(false);
        }
        state.write_blocked = flush == FlushStatus::Blocked;
        state.paused = self.paused;
        state.driver_waker = Some(cx.waker().clone());
        let unused = state.unused;
        drop(state);
        if unused && self.has_close_timed_out(cx) {
            return Err(Error::disconnected("the other side did not read the remaining output in time"));
        }
        Ok(true)
    }

    /// Returns whether a connection without handles has waited too long for its output to be read.
    fn has_close_timed_out(&mut self, cx: &mut Context<'_>) -> bool {
        let timer = self.close_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(Self::CLOSE_TIMEOUT)));
        timer.as_mut().poll(cx).is_ready()
    }
}

impl<IO, B, F> Future for Driver<IO, B, F>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    B: FnMut(PendingInvocation) -> F + Unpin,
    F: Future<Output = ()> + Send + 'static,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.drive(cx) {
            Ok(()) => Poll::Pending,
            Err(error) => {
                if matches!(error.kind(), ErrorKind::Protocol(_) | ErrorKind::LimitExceeded(_)) {
                    tracing::warn!(peer = %self.conn.peer(), %error, "connection closed");
                } else {
                    tracing::debug!(peer = %self.conn.peer(), %error, "connection ended");
                }
                self.conn.close(&error);
                Poll::Ready(())
            }
        }
    }
}

impl<IO, B, F> Drop for Driver<IO, B, F> {
    /// Fails the open channels: a runtime that shuts down drops the task. Drops what is not sent.
    fn drop(&mut self) {
        self.conn.close(&Error::disconnected("the runtime has shut down"));
        self.conn.with(Mux::discard_unsent);
    }
}

impl<IO, B, F> fmt::Debug for Driver<IO, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("conn", &self.conn).finish_non_exhaustive()
    }
}
