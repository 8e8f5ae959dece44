//! The task that owns a socket: reads, hands over, begins invocations, writes.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::{Instant, Sleep},
};

use crate::{
    connection::{
        handle::{ConnectionHandle, SharedConnection, TICK},
        mux::{Mux, PendingInvocation, Role, Violation},
        output::Output,
    },
    protocol::{
        code::Code,
        error::{Error, ErrorKind},
        limits::Limits,
    },
    wire::scan::{FrameBounds, Scanner},
};

/// Starts the task of a client's connection.
pub(crate) fn connect<IO>(io: IO, peer: Arc<str>, limits: Limits) -> ConnectionHandle
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let conn = SharedConnection::new(peer, limits, Role::Client);
    tokio::spawn(Driver::new(io, conn.clone(), limits, |_: PendingInvocation| std::future::ready(())));
    ConnectionHandle::new(conn)
}

/// Drives one connection to its end. `begin` turns an invocation into its future; a client's is never called.
pub(crate) struct Driver<IO, B, F> {
    conn: Arc<SharedConnection>,
    io: IO,
    begin: B,
    scanner: Scanner,
    input: BytesMut,
    frames: Vec<(usize, FrameBounds)>,
    batch: Vec<PendingInvocation>,
    due: Vec<Waker>,
    /// Where the next invocation is polled first; it moves out, box and all, when it is pending.
    stage: Pin<Box<Option<F>>>,
    output: Output,
    /// The task has let others run before it writes.
    lingered: bool,
    /// The socket was not read when the task last came by: nothing wakes the task when bytes arrive.
    paused: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// Runs once nobody uses the connection and something is still to be written.
    farewell: Option<Pin<Box<Sleep>>>,
    violation: Option<Violation>,
    /// Bytes that may wait for the socket ([`Limits::max_queued_bytes`]).
    outgoing: usize,
}

/// How far writing has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flush {
    Idle,
    Lingering,
    Stuck,
}

/// How far reading has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intake {
    Empty,
    Frames,
    Large,
}

impl<IO, B, F> Driver<IO, B, F>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    B: FnMut(PendingInvocation) -> F + Unpin,
    F: Future<Output = ()> + Send + 'static,
{
    /// What one read asks for, at least.
    const CHUNK: usize = 64 << 10;
    /// The room below which the buffer is extended.
    const SCANT: usize = 4 << 10;
    /// Replies of this size are written while the rest of their batch is worked on, then four times as much.
    const FIRST_FLUSH: usize = 2 << 10;
    /// The size of a frame after which its reader runs first, so that its buffer is free again.
    const LARGE: usize = 64 << 10;

    /// How much of a frame's announced length is allocated before it has come.
    const BELIEVED: usize = 2 << 20;
    /// How long the other side may take to read what is left when nobody uses the connection any more.
    const FAREWELL: Duration = Duration::from_secs(10);
    /// The size of a frame whose buffer is not kept for the next one.
    const KEPT: usize = 4 << 20;

    pub(crate) fn new(io: IO, conn: Arc<SharedConnection>, limits: Limits, begin: B) -> Self {
        Self {
            conn,
            io,
            begin,
            scanner: Scanner::new(limits.max_frame_bytes),
            input: BytesMut::new(),
            frames: Vec::new(),
            batch: Vec::new(),
            due: Vec::new(),
            stage: Box::pin(None),
            output: Output::default(),
            lingered: false,
            paused: false,
            timer: None,
            farewell: None,
            violation: None,
            outgoing: limits.max_queued_bytes,
        }
    }

    /// Does what can be done now; an error ends the connection.
    fn drive(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        loop {
            let intake = self.read(cx)?;
            self.run_pending(cx)?;
            let flush = self.flush(cx, intake == Intake::Large || self.violation.is_some())?;
            if let Some(Violation { cause, text }) = self.violation.take() {
                return Err(Error::protocol(text).with_wire_code(cause));
            }
            if intake == Intake::Large {
                cx.waker().wake_by_ref();
                return Ok(());
            }
            self.keep_time(cx);
            if flush == Flush::Lingering || (intake == Intake::Empty && self.sleeps(cx, flush)?) {
                return Ok(());
            }
        }
    }

    /// Reads once and hands over the frames that are complete.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<Intake, Error> {
        let paused = self.violation.is_some() || !self.conn.awake();
        if paused != self.paused {
            self.conn.set_paused(paused);
        }
        self.paused = paused;
        if paused {
            return Ok(Intake::Empty);
        }
        let wanted = self.scanner.wanted().saturating_sub(self.input.len());
        // What a frame only says about its length is believed up to a point, then as far as it has come.
        let wanted = wanted.min(Self::BELIEVED.max(self.input.len()));
        if self.input.capacity() - self.input.len() < wanted.max(Self::SCANT) {
            self.input.reserve(wanted.max(Self::CHUNK));
        }
        let read = pin!(self.io.read_buf(&mut self.input)).poll(cx);
        match read {
            Poll::Pending => Ok(Intake::Empty),
            Poll::Ready(Ok(0)) => Err(Error::disconnected(
                "closed by the other side, as runtimes do when they cannot read a call",
            )
            .with_wire_code(Code::EOF)),
            Poll::Ready(Ok(_)) => {
                self.conn.count_reception();
                Ok(self.hand_over())
            }
            Poll::Ready(Err(error)) => Err(Error::disconnected(error.to_string()).with_source(error)),
        }
    }

    /// Delivers the complete frames of the input under one lock.
    fn hand_over(&mut self) -> Intake {
        let mut end = 0;
        while self.violation.is_none() {
            match self.scanner.frame(&self.input[end..]) {
                Ok(Some(bounds)) => {
                    let len = bounds.len;
                    self.frames.push((end, bounds));
                    end += len;
                }
                Ok(None) => break,
                Err(error) => self.violation = Some(Violation::new((&error).into(), error.to_string())),
            }
        }
        if end == 0 {
            return Intake::Frames;
        }
        let batch = self.input.split_to(end).freeze();
        let frames = std::mem::take(&mut self.frames);
        let received = self.conn.with_due(&mut self.due, |mux| {
            frames.iter().try_for_each(|(start, bounds)| mux.receive(&batch, *start, bounds))
        });
        if let Err(violation) = received {
            self.violation = Some(violation);
        }
        let large = frames.iter().any(|(_, bounds)| bounds.len >= Self::LARGE);
        if self.input.is_empty() && frames.iter().any(|(_, bounds)| bounds.len > Self::KEPT) {
            self.input = BytesMut::new();
        }
        self.frames = frames;
        self.frames.clear();
        if large { Intake::Large } else { Intake::Frames }
    }

    /// Begins the invocations that wait, writing what they answer in growing portions.
    fn run_pending(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let mut mark = Self::FIRST_FLUSH;
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
                if self.conn.queued.load(Ordering::Relaxed) >= mark {
                    mark = (mark * 4).min(self.outgoing);
                    let stuck = self.flush(cx, true)? == Flush::Stuck;
                    if stuck && self.conn.queued.load(Ordering::Relaxed) >= self.outgoing {
                        // The client does not read: what else it has asked for is not worked on yet.
                        self.conn.with(|mux| mux.requeue(waiting.by_ref()));
                    }
                }
            }
            drop(waiting);
            self.batch = batch;
        }
    }

    /// Polls an invocation where it arrived, and gives it a task of its own if it is pending.
    fn invoke(&mut self, cx: &mut Context<'_>, pending: PendingInvocation) {
        let begun = catch_unwind(AssertUnwindSafe(|| {
            let future = (self.begin)(pending);
            self.stage.set(Some(future));
            poll_stage(self.stage.as_mut(), cx)
        }));
        match begun {
            Ok(Poll::Ready(())) => self.stage.set(None),
            Ok(Poll::Pending) => {
                let stage = std::mem::replace(&mut self.stage, Box::pin(None));
                tokio::spawn(Staged(stage));
            }
            Err(_) => {
                tracing::error!(peer = %self.conn.peer(), "a handler panicked");
                self.stage.set(None);
            }
        }
    }

    /// Writes what is queued. With several calls under way the task lets others add theirs first, unless it is `urgent`.
    fn flush(&mut self, cx: &mut Context<'_>, urgent: bool) -> Result<Flush, Error> {
        loop {
            if self.output.is_empty() {
                match self.take_output(urgent) {
                    Flush::Idle => return Ok(Flush::Idle),
                    Flush::Lingering => {
                        cx.waker().wake_by_ref();
                        return Ok(Flush::Lingering);
                    }
                    Flush::Stuck => {}
                }
            }
            match self.output.poll_write(cx, &mut self.io) {
                Poll::Ready(Ok(())) => self.conn.with(Mux::note_written),
                Poll::Ready(Err(error)) => {
                    return Err(Error::disconnected(error.to_string()).with_source(error));
                }
                Poll::Pending => return Ok(Flush::Stuck),
            }
        }
    }

    /// Takes what is queued, unless there is nothing, or others may still add to it.
    fn take_output(&mut self, urgent: bool) -> Flush {
        let (output, lingered) = (&mut self.output, &mut self.lingered);
        self.conn.with(|mux| {
            if mux.output_len() == 0 {
                return Flush::Idle;
            }
            if !urgent && !*lingered && mux.in_flight() > 1 {
                *lingered = true;
                return Flush::Lingering;
            }
            *lingered = false;
            mux.take_output(output.refill());
            Flush::Stuck
        })
    }

    /// Sweeps the deadlines that have passed. The timer outlives the last channel that has one by a tick at most, so
    /// that calls one after the other share it.
    fn keep_time(&mut self, cx: &mut Context<'_>) {
        let wanted = self.conn.lock().keep_ticking(self.timer.is_some());
        let Some(timer) = &mut self.timer else {
            if wanted {
                self.start_timer(cx);
            }
            return;
        };
        // The timer wakes this task; until it has, there is nothing to ask it.
        if !timer.is_elapsed() {
            return;
        }
        // A task that was kept busy comes late, and makes up for it.
        let late = Instant::now().saturating_duration_since(timer.deadline());
        let ticks = 1 + late.as_millis() / TICK.as_millis();
        self.conn.with(|mux| mux.expire(u64::try_from(ticks).unwrap_or(u64::MAX)));
        if wanted {
            self.start_timer(cx);
        } else {
            self.timer = None;
            self.conn.lock().keep_ticking(false);
        }
    }

    fn start_timer(&mut self, cx: &mut Context<'_>) {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(TICK)));
        timer.as_mut().reset(Instant::now() + TICK);
        if timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    /// Leaves a waker behind unless there is more to do; an error when nobody uses the connection any more.
    fn sleeps(&mut self, cx: &mut Context<'_>, flush: Flush) -> Result<bool, Error> {
        let mut state = self.conn.lock();
        if let Some(error) = state.mux.closed() {
            return Err(error.clone());
        }
        let idle = state.mux.output_len() == 0 && flush == Flush::Idle;
        if idle && (state.left || state.mux.is_drained()) {
            return Err(Error::disconnected("closed by this side"));
        }
        let resumes = self.paused && state.mux.wants_input();
        if resumes || state.mux.can_begin() || (flush == Flush::Idle && !idle) {
            return Ok(false);
        }
        state.stuck = flush == Flush::Stuck;
        state.task = Some(cx.waker().clone());
        let left = state.left;
        drop(state);
        if left && self.is_given_up(cx) {
            return Err(Error::disconnected("the other side did not take the last of what was sent"));
        }
        Ok(true)
    }

    /// Returns whether a connection that nobody uses has tried long enough to write what was queued.
    fn is_given_up(&mut self, cx: &mut Context<'_>) -> bool {
        let farewell = self.farewell.get_or_insert_with(|| Box::pin(tokio::time::sleep(Self::FAREWELL)));
        farewell.as_mut().poll(cx).is_ready()
    }
}

/// An invocation that did not finish at once, in its own task.
struct Staged<F>(Pin<Box<Option<F>>>);

impl<F: Future<Output = ()>> Future for Staged<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        poll_stage(self.0.as_mut(), cx)
    }
}

fn poll_stage<F: Future<Output = ()>>(stage: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<()> {
    stage.as_pin_mut().map_or(Poll::Ready(()), |future| future.poll(cx))
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
                if matches!(error.kind(), ErrorKind::Protocol(_)) {
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
    /// A runtime that shuts down drops the task: whoever still waits learns that the connection is gone.
    fn drop(&mut self) {
        self.conn.close(&Error::disconnected("the runtime has shut down"));
    }
}

impl<IO, B, F> fmt::Debug for Driver<IO, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("conn", &self.conn).finish_non_exhaustive()
    }
}
