//! A peer on the other end of a pipe that writes and expects exact bytes.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::timeout,
};

use crate::{
    conn,
    encode::{self, Encoded},
    frame::{self, Tail},
    graph::{Graph, Method, Tree},
    limits::Limits,
    link::Link,
    service::Service,
    table::{Drift, Table},
    types::Resolved,
};

/// The other end of a client's connection.
pub(super) struct Peer {
    pub(super) io: DuplexStream,
}

/// Returns a method of the service that the peer announces.
pub(super) fn method(id: u64, name: &str, dispatch: Tree, upstream: Tree) -> Method {
    Method { id, name: name.into(), dispatch, upstream }
}

/// Returns a method that is answered once.
pub(super) fn unary(id: u64, name: &str) -> Method {
    method(id, name, Tree::end(), Tree::primitive())
}

/// Returns the bytes that `text` shows in hexadecimal.
pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

impl Peer {
    /// Returns a service with these methods, connected to a peer over a pipe that holds `room` bytes.
    pub(super) fn with(graph: Graph, room: usize, limits: Limits) -> (Service, Self) {
        let (near, io) = tokio::io::duplex(room);
        let lease = conn::connect(near, "peer:1".into(), limits);
        let found = Resolved { graph, version: 1, endpoints: Vec::new() };
        let table = Table::new(None, &found, Drift::Compatible).unwrap();
        let link = Link { lease, table, service: "test".into() };
        (Service::over(Arc::new(link)), Self { io })
    }

    /// Returns a service of `methods` and the control messages, and its peer.
    pub(super) fn serving(methods: impl IntoIterator<Item = Method>) -> (Service, Self) {
        Self::with(Graph::new(methods).with_controls(), 64 << 10, Limits::default())
    }

    /// Fails unless exactly these bytes come next.
    pub(super) async fn expect(&mut self, hex: &str) {
        let (wanted, mut got) = (unhex(hex), Vec::new());
        let mut io = (&mut self.io).take(wanted.len() as u64);
        let read = timeout(Duration::from_millis(1), io.read_to_end(&mut got)).await;
        assert!(read.is_ok(), "only {got:02x?} of {wanted:02x?}");
        assert_eq!(got, wanted, "{got:02x?} instead of {wanted:02x?}");
    }

    /// Fails if anything comes before everything else has come to rest, the end of the connection included.
    pub(super) async fn expect_silence(&mut self) {
        let mut byte = [0];
        let read = timeout(Duration::from_millis(1), self.io.read(&mut byte)).await;
        assert!(read.is_err(), "{read:?} {byte:02x?}");
    }

    /// Fails unless the connection ends with nothing more to read.
    pub(super) async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let end = timeout(Duration::from_millis(1), self.io.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "the connection goes on");
        assert!(rest.is_empty(), "{rest:02x?}");
    }

    pub(super) async fn write(&mut self, hex: &str) {
        self.io.write_all(&unhex(hex)).await.unwrap();
    }

    /// Writes one frame without headers.
    pub(super) async fn send<T: serde::Serialize>(&mut self, channel: u64, kind: u64, args: T) {
        let (mut list, mut out) = (Encoded::default(), Encoded::default());
        encode::args(&args, &mut list).unwrap();
        frame::write(&mut out, channel, kind, &list, Tail::None);
        self.io.write_all(&out.flatten()).await.unwrap();
    }
}
