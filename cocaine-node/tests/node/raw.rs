//! A client that speaks in frames.

use std::{net::SocketAddr, time::Duration};

use cocaine::{Value, msgpack};
use serde::Serialize;
use test_support::frame;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long an answer may take before the test fails; never waited for otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A channel above all that the tests use.
const PROBE: u64 = 1 << 20;

pub(crate) struct Raw {
    socket: TcpStream,
    unread: Vec<u8>,
    probes: u64,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { socket: TcpStream::connect(address).await.unwrap(), unread: Vec::new(), probes: PROBE }
    }

    /// Sends `[channel, kind, args]`.
    pub(crate) async fn send(&mut self, channel: u64, kind: u64, args: impl Serialize) {
        let frame = msgpack::to_vec(&(channel, kind, args)).unwrap();
        self.socket.write_all(&frame).await.unwrap();
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    /// Returns the bytes of the next frame.
    pub(crate) async fn recv_bytes(&mut self) -> Vec<u8> {
        loop {
            if let Some(length) = frame::length(&self.unread) {
                return self.unread.drain(..length).collect();
            }
            let read = timeout(PATIENCE, self.socket.read_buf(&mut self.unread)).await;
            assert_ne!(read.expect("a frame in time").unwrap(), 0, "the connection is closed");
        }
    }

    /// Returns channel, kind and arguments of the next frame.
    pub(crate) async fn recv(&mut self) -> (u64, u64, Value) {
        let frame = msgpack::from_slice::<Value>(&self.recv_bytes().await).unwrap();
        let Value::Array(elements) = frame else { panic!("{frame} is no frame") };
        (elements[0].as_u64().unwrap(), elements[1].as_u64().unwrap(), elements[2].clone())
    }

    /// Checks that nothing is sent but the answer to a control ping.
    pub(crate) async fn silent(&mut self) {
        self.probes += 1;
        self.send(self.probes, 65533, [(); 0]).await;
        let (channel, kind, args) = self.recv().await;
        assert_eq!((channel, kind), (self.probes, 0), "{args}");
    }

    /// Checks that the connection is closed without a further word.
    pub(crate) async fn closed(&mut self) {
        let read = timeout(PATIENCE, self.socket.read_to_end(&mut self.unread)).await;
        // A reset says as clearly as an end that the connection is closed.
        drop(read.expect("an end in time"));
        assert!(self.unread.is_empty(), "{:?}", self.unread);
    }
}
