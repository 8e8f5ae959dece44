//! A client's socket, of which a client that takes nothing loses hold, and which lets a client that still sends read
//! its last answer.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

/// How long a client may send nothing more, after its last answer, before the socket is closed. To close while it sends
/// would reset the connection, and it would lose the answer that says why.
const LINGER: Duration = Duration::from_secs(2);

/// What is read at once from a client that is not listened to any more.
const SURPLUS: usize = 16 << 10;

/// A socket whose writes fail once nothing could be written for a while.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    closing: Option<Closing>,
}

/// The end of a connection that is shut down.
#[derive(Debug)]
struct Closing {
    last: Instant,
    quiet: Pin<Box<Sleep>>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, stalled: None, closing: None }
    }

    /// Reads what the client still sends, until it has closed its side, or sends nothing, or the time is over.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let last = Instant::now() + self.patience;
        let closing = || Closing { last, quiet: Box::pin(sleep(LINGER)) };
        let Closing { last, quiet } = self.closing.get_or_insert_with(closing);
        let mut surplus = [0; SURPLUS];
        while quiet.as_mut().poll(cx).is_pending() {
            let mut surplus = ReadBuf::new(&mut surplus);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut surplus));
            if read.is_err() || surplus.filled().is_empty() {
                break;
            }
            quiet.as_mut().reset((Instant::now() + LINGER).min(*last));
        }
        Poll::Ready(())
    }

    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let written = write(Pin::new(&mut self.stream), cx);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        if stalled.as_mut().poll(cx).is_ready() {
            stalled.as_mut().reset(Instant::now() + patience);
            let text = format!("the client took nothing for {patience:?}");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)));
        }
        Poll::Pending
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.watch(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.watch(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            ready!(self.watch(cx, AsyncWrite::poll_shutdown))?;
        }
        self.poll_drain(cx).map(Ok)
    }
}
