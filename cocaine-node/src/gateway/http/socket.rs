//! The socket of a client: it gives up on a client that reads nothing or sends no request, and closes so that one that still
//! sends can read its last response.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use cocaine::MemoryBudget;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::phase::HeadTimer;

/// How long the socket stays open after the last response while the client sends nothing. Closing it while the client
/// still sends would reset the connection, and the client would lose the response that gives the reason.
const LINGER: Duration = Duration::from_secs(2);

/// How much is read and dropped at once while the socket lingers.
const DRAIN_BYTES: usize = 16 << 10;

/// A socket whose writes fail when the client reads nothing for a while, and whose reads fail when it sends no request.
#[derive(Debug)]
pub(crate) struct ClientSocket<S> {
    stream: S,
    /// How long a write may make no progress; half as long while memory is scarce, which the response takes.
    write_timeout: Duration,
    write_deadline: Option<WriteDeadline>,
    memory: MemoryBudget,
    head_timer: HeadTimer,
    linger: Option<Linger>,
}

/// The end of half the time that a write may take, of the first or the second half.
#[derive(Debug)]
struct WriteDeadline {
    half: Pin<Box<Sleep>>,
    is_second: bool,
}

/// The deadlines of a socket that is shut down and still reads.
#[derive(Debug)]
struct Linger {
    end: Instant,
    idle: Pin<Box<Sleep>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> ClientSocket<S> {
    pub(crate) fn new(
        stream: S,
        write_timeout: Duration,
        memory: MemoryBudget,
        head_timer: HeadTimer,
    ) -> Self {
        Self { stream, write_timeout, write_deadline: None, memory, head_timer, linger: None }
    }

    /// Drops what the client still sends, until it closes its side, is idle for [`LINGER`], or the time is over.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = Instant::now() + self.write_timeout;
        let start = || Linger { end, idle: Box::pin(sleep(LINGER)) };
        let Linger { end, idle } = self.linger.get_or_insert_with(start);
        let mut dropped = [0; DRAIN_BYTES];
        while idle.as_mut().poll(cx).is_pending() {
            let mut dropped = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut dropped));
            if read.is_err() || dropped.filled().is_empty() {
                break;
            }
            idle.as_mut().reset((Instant::now() + LINGER).min(*end));
        }
        Poll::Ready(())
    }

    /// Polls a write, which fails once it is pending for longer than the time-out.
    fn poll_with_timeout<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let written = write(Pin::new(&mut self.stream), cx);
        if written.is_ready() {
            self.write_deadline = None;
            return written;
        }
        let half = self.write_timeout / 2;
        let start = || WriteDeadline { half: Box::pin(sleep(half)), is_second: false };
        let deadline = self.write_deadline.get_or_insert_with(start);
        while deadline.half.as_mut().poll(cx).is_ready() {
            deadline.half.as_mut().reset(Instant::now() + half);
            if !deadline.is_second && !self.memory.is_scarce() {
                deadline.is_second = true;
                continue;
            }
            let text = if deadline.is_second {
                format!("the client read nothing for {:?}", self.write_timeout)
            } else {
                format!("the client read nothing for {half:?}, while memory was scarce")
            };
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > filled {
            self.head_timer.record_bytes();
        }
        // Bytes that come one at a time do not put the end off.
        match self.head_timer.poll_timeout(cx) {
            Poll::Ready(error) => Poll::Ready(Err(error)),
            Poll::Pending => read,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with_timeout(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with_timeout(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_with_timeout(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(self.poll_with_timeout(cx, AsyncWrite::poll_shutdown))?;
        }
        self.poll_drain(cx).map(Ok)
    }
}
