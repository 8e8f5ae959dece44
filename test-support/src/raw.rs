//! A connection whose bytes a test writes and checks.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{frame::UNTRACED, hex, wait::TIMEOUT};

/// One end of a connection, without any knowledge of frames.
#[derive(Debug)]
pub struct RawConnection<S> {
    io: S,
    timeout: Duration,
}

impl RawConnection<TcpStream> {
    /// Connects to a server.
    ///
    /// # Panics
    /// If the server cannot be reached.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawConnection<S> {
    /// Returns the connection over `io`; each read may take [`TIMEOUT`].
    pub fn new(io: S) -> Self {
        Self { io, timeout: TIMEOUT }
    }

    /// Limits each read to `timeout`.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Returns the stream below.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.io
    }

    /// Returns the stream below.
    pub fn into_inner(self) -> S {
        self.io
    }

    /// Writes these bytes.
    ///
    /// # Panics
    /// If the connection has ended.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    /// Checks that exactly these bytes come next.
    ///
    /// # Panics
    /// If other bytes come, or too few in time.
    pub async fn expect(&mut self, expected: &[u8]) {
        self.expect_within(self.timeout, expected).await;
    }

    /// Checks that exactly these bytes come next, and within `time`.
    ///
    /// # Panics
    /// If other bytes come, or too few in time.
    pub async fn expect_within(&mut self, time: Duration, expected: &[u8]) {
        let mut read = Vec::new();
        let mut io = (&mut self.io).take(expected.len() as u64);
        let result = timeout(time, io.read_to_end(&mut read)).await;
        let (expected, read) = (hex::encode(expected), hex::encode(&read));
        assert!(result.is_ok(), "only {read} of {expected}");
        assert_eq!(read, expected, "read {read}, expected {expected}");
    }

    /// Checks that a control `ping` on this channel is answered next.
    ///
    /// # Panics
    /// If anything else comes.
    pub async fn expect_pong(&mut self, channel: u8) {
        self.write(&[0x93, channel, 0xcd, 0xff, 0xfd, 0x90]).await;
        self.expect(&[&[0x94, channel, 0x00, 0x90], UNTRACED].concat()).await;
    }

    /// Checks that neither bytes nor the end of the connection come before the time limit.
    ///
    /// # Panics
    /// If anything comes.
    pub async fn expect_silence(&mut self) {
        let mut byte = [0];
        let read = timeout(self.timeout, self.io.read(&mut byte)).await;
        assert!(read.is_err(), "{read:?} {byte:02x?} instead of silence");
    }

    /// Checks that the connection ends and that no bytes come before its end. A reset is an end.
    ///
    /// # Panics
    /// If bytes come, or the connection stays open.
    pub async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let end = timeout(self.timeout, self.io.read_to_end(&mut rest)).await;
        assert!(rest.is_empty(), "{} instead of the end", hex::encode(&rest));
        assert!(end.is_ok(), "the connection stays open");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{DuplexStream, duplex};

    use super::RawConnection;

    fn pair() -> [RawConnection<DuplexStream>; 2] {
        let (near, far) = duplex(64);
        [near, far].map(|io| RawConnection::new(io).with_timeout(Duration::from_millis(1)))
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_silence_and_end_are_seen() {
        let [mut near, mut far] = pair();
        near.write(b"bytes").await;
        far.expect(b"bytes").await;
        far.expect_silence().await;
        drop(near);
        far.expect_end().await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "only 61 of 6162")]
    async fn missing_bytes_fail() {
        let [mut near, mut far] = pair();
        near.write(b"a").await;
        far.expect(b"ab").await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "61 instead of the end")]
    async fn bytes_before_the_end_fail() {
        let [mut near, mut far] = pair();
        near.write(b"a").await;
        drop(near);
        far.expect_end().await;
    }
}
