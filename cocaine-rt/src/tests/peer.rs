//! A peer on the other end of a pipe that writes and expects exact bytes.

use std::{sync::Arc, time::Duration};

use test_support::{hex, raw::RawConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::{
    client::{
        methods::{Compatibility, MethodTable},
        service::Service,
        service_connection::ServiceConnection,
    },
    connection::driver,
    protocol::{
        endpoint::ServiceInfo,
        graph::{Graph, Method, Tree},
        limits::Limits,
        memory::MemoryBudget,
    },
    wire::{
        encode::{self, Encoded},
        frame::{self, FrameHeaders},
    },
};

/// The other end of a client's connection.
pub(crate) struct Peer {
    pub(crate) io: DuplexStream,
}

/// Returns a method of the service that the peer announces.
pub(crate) fn method(id: u64, name: &str, dispatch: Tree, upstream: Tree) -> Method {
    Method { id, name: name.into(), dispatch, upstream }
}

/// Returns a method that is answered once.
pub(crate) fn unary(id: u64, name: &str) -> Method {
    method(id, name, Tree::end(), Tree::primitive())
}

impl Peer {
    /// Returns a service with these methods, connected to a peer over a pipe that holds `room` bytes.
    pub(crate) fn with(graph: Graph, room: usize, limits: Limits) -> (Service, Self) {
        let (near, io) = tokio::io::duplex(room);
        let handle = driver::connect(near, "peer:1".into(), limits, MemoryBudget::unlimited());
        let found = ServiceInfo { graph, version: 1, endpoints: Vec::new() };
        let table = MethodTable::new(None, &found, Compatibility::Lenient).unwrap();
        let connection = ServiceConnection { handle, table, service: "test".into() };
        (Service::with_connection(&Arc::new(connection)), Self { io })
    }

    /// Returns a service of `methods` and the control messages, and its peer.
    pub(crate) fn serving(methods: impl IntoIterator<Item = Method>) -> (Service, Self) {
        Self::with(Graph::new(methods).with_controls(), 64 << 10, Limits::default())
    }

    /// Returns the connection, on which everything that is due comes within a moment of the paused clock.
    fn raw(&mut self) -> RawConnection<&mut DuplexStream> {
        RawConnection::new(&mut self.io).with_timeout(Duration::from_millis(1))
    }

    /// Fails unless exactly these bytes come next.
    pub(crate) async fn expect(&mut self, hex: &str) {
        self.raw().expect(&hex::decode(hex)).await;
    }

    /// Fails unless an event is opened next: these bytes, in a frame of four elements, and the offer of credit.
    pub(crate) async fn expect_event(&mut self, opening: &str) {
        let name = "63 6f 63 61 69 6e 65 2d 63 72 65 64 69 74";
        self.expect(&format!("{opening} 91 93 c2 ae {name} a8 00 00 08 00 00 00 00 00")).await;
    }

    /// Fails if bytes or the end of the connection come once all tasks are idle.
    pub(crate) async fn expect_silence(&mut self) {
        self.raw().expect_silence().await;
    }

    /// Fails unless the connection ends and no bytes come before its end.
    pub(crate) async fn expect_end(&mut self) {
        self.raw().expect_end().await;
    }

    pub(crate) async fn write(&mut self, hex: &str) {
        self.io.write_all(&hex::decode(hex)).await.unwrap();
    }

    /// Writes one frame without headers.
    pub(crate) async fn send<T: serde::Serialize>(&mut self, channel: u64, kind: u64, args: T) {
        let (mut list, mut out) = (Encoded::default(), Encoded::default());
        encode::args(&args, &mut list).unwrap();
        frame::write(&mut out, channel, kind, &list, FrameHeaders::None);
        self.io.write_all(&out.flatten()).await.unwrap();
    }

    /// Fails unless exactly these bytes come next, within `time` and a moment.
    pub(crate) async fn expect_after(&mut self, time: Duration, hex: &str) {
        self.raw().expect_within(time + Duration::from_millis(50), &hex::decode(hex)).await;
    }

    /// Calls an event of a worker, and expects one frame: its type and its encoded arguments.
    pub(crate) async fn invoke_and_expect(&mut self, id: u8, event: &str, answer: (u8, &[&[u8]])) {
        self.send(id.into(), 0, (event,)).await;
        let mut wanted = vec![0x93, id, answer.0, 0x90 | u8::try_from(answer.1.len()).unwrap()];
        wanted.extend(answer.1.concat());
        self.raw().expect(&wanted).await;
    }

    /// Reads one text.
    pub(crate) async fn text(&mut self) -> String {
        let marker = self.io.read_u8().await.unwrap();
        let len = match marker {
            0xa0..=0xbf => usize::from(marker & 0x1f),
            0xda => usize::from(self.io.read_u16().await.unwrap()),
            other => panic!("{other:02x} begins no text"),
        };
        let mut text = vec![0; len];
        self.io.read_exact(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    }

    /// Reads one frame of channel 1 or 2 whose arguments are none or one raw, and returns whether it is a heartbeat;
    /// adds its length to `read`.
    pub(crate) async fn is_heartbeat(&mut self, read: &mut usize) -> bool {
        let mut head = [0; 4];
        self.io.read_exact(&mut head).await.unwrap();
        *read += head.len();
        if head == [0x93, 1, 0, 0x90] {
            return true;
        }
        assert_eq!(head, [0x93, 2, 0, 0x91], "no chunk of channel 2");
        *read += self.text().await.len() + 3;
        false
    }
}
