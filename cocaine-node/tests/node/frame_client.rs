//! A client that sends and receives frames.

use std::net::SocketAddr;

use cocaine::{Value, msgpack};
use serde::Serialize;
use test_support::{frame, wait::TIMEOUT};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The last channel before those of control pings, above all channels that the tests use.
const LAST_CHANNEL: u64 = 1 << 20;

/// A connection to one service.
pub(crate) struct FrameClient {
    socket: TcpStream,
    unread: Vec<u8>,
    ping_channel: u64,
}

impl FrameClient {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self {
            socket: TcpStream::connect(address).await.unwrap(),
            unread: Vec::new(),
            ping_channel: LAST_CHANNEL,
        }
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
            let read = timeout(TIMEOUT, self.socket.read_buf(&mut self.unread)).await;
            assert_ne!(read.expect("a frame in time").unwrap(), 0, "the connection is closed");
        }
    }

    /// Returns the channel, the message type and the arguments of the next frame.
    pub(crate) async fn recv(&mut self) -> (u64, u64, Value) {
        let frame = msgpack::from_slice::<Value>(&self.recv_bytes().await).unwrap();
        let Value::Array(elements) = frame else { panic!("{frame} is not a frame") };
        (elements[0].as_u64().unwrap(), elements[1].as_u64().unwrap(), elements[2].clone())
    }

    /// Ends the connection. What was sent is read by the server, since nothing is unread on this side.
    pub(crate) async fn leave(mut self) {
        self.socket.shutdown().await.unwrap();
        drop(timeout(TIMEOUT, self.socket.read_to_end(&mut self.unread)).await.expect("an end in time"));
    }

    /// Checks that the server sends nothing but the answer to a control ping.
    pub(crate) async fn expect_silence(&mut self) {
        self.ping_channel += 1;
        self.send(self.ping_channel, 65533, [(); 0]).await;
        let (channel, kind, args) = self.recv().await;
        assert_eq!((channel, kind), (self.ping_channel, 0), "{args}");
    }

    /// Checks that the connection is closed and nothing is sent before.
    pub(crate) async fn expect_end(&mut self) {
        let read = timeout(TIMEOUT, self.socket.read_to_end(&mut self.unread)).await;
        // A reset closes the connection like an end.
        drop(read.expect("an end in time"));
        assert!(self.unread.is_empty(), "{:?}", self.unread);
    }
}
