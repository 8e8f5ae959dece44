//! The unix socket between a node and a worker.
//!
//! The kernel tells the writer of a unix socket that there is room each time that the other side has read, asked or not:
//! one needless wake of a process for each exchange. So room is only waited for while there is none.

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
    reading: AsyncFd<StdStream>,
    /// The same socket, while it takes no more.
    writing: Option<AsyncFd<StdStream>>,
    /// How much a read asks for.
    window: usize,
}

impl UnixSocket {
    const SMALLEST: usize = 8 << 10;
    const LARGEST: usize = 256 << 10;

    /// Takes a socket over.
    ///
    /// # Errors
    ///
    /// If it cannot be watched by the runtime that this is called on.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        let reading = watch(stream.into_std()?, Interest::READABLE)?;
        Ok(Self { reading, writing: None, window: Self::SMALLEST })
    }

    /// Asks for more after a full read, and for less after one that brought little.
    fn adapt(&mut self, asked: usize, read: usize) {
        if read == asked {
            self.window = (self.window * 2).min(Self::LARGEST);
        } else if read < self.window / 4 {
            self.window = (self.window / 2).max(Self::SMALLEST);
        }
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        mut send: impl FnMut(&mut &StdStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let written = match &self.writing {
                None => send(&mut self.reading.get_ref()),
                Some(writing) => {
                    let mut ready = ready!(writing.poll_write_ready(cx))?;
                    let Ok(written) = ready.try_io(|socket| send(&mut socket.get_ref())) else { continue };
                    written
                }
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let socket = self.reading.get_ref().try_clone()?;
                    self.writing = Some(watch(socket, Interest::WRITABLE)?);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => {
                    self.writing = None;
                    return Poll::Ready(written);
                }
            }
        }
    }
}

#[expect(
    deprecated,
    reason = "a stream owns its descriptor, which is all that the unsafe successor asks for"
)]
fn watch(socket: StdStream, interest: Interest) -> io::Result<AsyncFd<StdStream>> {
    AsyncFd::with_interest(socket, interest)
}

impl AsyncRead for UnixSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let asked = self.window.min(buf.remaining());
            let mut ready = ready!(self.reading.poll_read_ready(cx))?;
            let space = buf.initialize_unfilled_to(asked);
            match ready.try_io(|socket| socket.get_ref().read(space)) {
                Ok(Ok(read)) => {
                    if read > 0 && read < asked {
                        // There was no more: the next read would only find that out.
                        ready.clear_ready();
                    }
                    buf.advance(read);
                    self.adapt(asked, read);
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
        Poll::Ready(self.reading.get_ref().shutdown(std::net::Shutdown::Write))
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
    async fn what_does_not_fit_at_once_arrives_whole() {
        let (mut writer, mut reader) = pair();
        let sent: Vec<u8> = (0..8_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
            writer
        });
        // The writer has to wait: nothing is read before it does.
        tokio::task::yield_now().await;
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        assert!(received == expected, "{} bytes", received.len());
        assert!(writing.await.unwrap().writing.is_none(), "room is not waited for any more");
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
