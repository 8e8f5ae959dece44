//! The unix socket between a node and a worker.
//!
//! The kernel reports a unix socket as writable whenever the peer has read from it, which would wake the process
//! needlessly once for each exchange. So writability is only watched after a write would have blocked.

use std::{
    io::{self, IoSlice, Read, Write},
    os::unix::net::UnixStream as StdStream,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf, unix::AsyncFd},
    net::UnixStream,
};

/// A connected unix socket.
#[derive(Debug)]
pub struct UnixSocket {
    socket: AsyncFd<StdStream>,
    /// A duplicate of the socket, watched for writability while writes block.
    blocked_writer: Option<AsyncFd<StdStream>>,
    /// The size of the next read.
    read_size: usize,
}

impl UnixSocket {
    const MIN_READ_SIZE: usize = 8 << 10;
    const MAX_READ_SIZE: usize = 256 << 10;

    /// Wraps a socket.
    ///
    /// # Errors
    ///
    /// Fails if the socket cannot be registered with the current runtime.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        let socket = register(stream.into_std()?, Interest::READABLE)?;
        Ok(Self { socket, blocked_writer: None, read_size: Self::MIN_READ_SIZE })
    }

    /// Doubles the read size after a full read, and halves it after a small one.
    fn adapt_read_size(&mut self, requested: usize, read: usize) {
        if read == requested {
            self.read_size = (self.read_size * 2).min(Self::MAX_READ_SIZE);
        } else if read < self.read_size / 4 {
            self.read_size = (self.read_size / 2).max(Self::MIN_READ_SIZE);
        }
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        mut send: impl FnMut(&mut &StdStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let written = match &self.blocked_writer {
                None => send(&mut self.socket.get_ref()),
                Some(writer) => {
                    let mut ready = ready!(writer.poll_write_ready(cx))?;
                    let Ok(written) = ready.try_io(|socket| send(&mut socket.get_ref())) else { continue };
                    written
                }
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let socket = self.socket.get_ref().try_clone()?;
                    self.blocked_writer = Some(register(socket, Interest::WRITABLE)?);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => {
                    self.blocked_writer = None;
                    return Poll::Ready(written);
                }
            }
        }
    }
}

#[expect(
    deprecated,
    reason = "the successor is unsafe; its requirement holds, since a stream owns its descriptor"
)]
fn register(socket: StdStream, interest: Interest) -> io::Result<AsyncFd<StdStream>> {
    AsyncFd::with_interest(socket, interest)
}

impl AsyncRead for UnixSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let requested = self.read_size.min(buf.remaining());
            let mut ready = ready!(self.socket.poll_read_ready(cx))?;
            let space = buf.initialize_unfilled_to(requested);
            match ready.try_io(|socket| socket.get_ref().read(space)) {
                Ok(Ok(read)) => {
                    if read > 0 && read < requested {
                        // The socket is empty; without this, the next read would only find that out.
                        ready.clear_ready();
                    }
                    buf.advance(read);
                    self.adapt_read_size(requested, read);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for UnixSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |socket| socket.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |socket| socket.write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.get_ref().shutdown(std::net::Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (UnixSocket, UnixSocket) {
        let (one, other) = UnixStream::pair().unwrap();
        (UnixSocket::new(one).unwrap(), UnixSocket::new(other).unwrap())
    }

    #[tokio::test]
    async fn large_write_arrives_whole() {
        let (mut writer, mut reader) = pair();
        let sent: Vec<u8> = (0..8_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
            writer
        });
        // Nothing is read before the writer blocks.
        tokio::task::yield_now().await;
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        assert!(received == expected, "{} bytes", received.len());
        assert!(writing.await.unwrap().blocked_writer.is_none(), "writability is still watched");
    }

    #[tokio::test]
    async fn small_messages_go_back_and_forth() {
        let (mut one, mut other) = pair();
        let answering = tokio::spawn(async move {
            let mut byte = [0];
            while other.read(&mut byte).await.unwrap() == 1 {
                other.write_all(&[byte[0].wrapping_add(1)]).await.unwrap();
            }
        });
        for number in 0..200_u8 {
            one.write_all(&[number]).await.unwrap();
            assert_eq!(one.read_u8().await.unwrap(), number + 1);
        }
        drop(one);
        answering.await.unwrap();
    }
}
