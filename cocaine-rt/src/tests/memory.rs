//! Connections of a server that share a budget of memory.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
};

use crate::{
    Bytes, Limits, MemoryBudget,
    connection::{
        driver::Driver,
        handle::{ConnectionHandle, SharedConnection},
        mux::{Role, root_protocol::RootProtocol},
    },
    protocol::graph::Graph,
    server::{Call, ServedConnection, ServedGraph},
    tests::peer::unary,
};

const MIB: usize = 1 << 20;

/// A server whose connections share a budget. Its method `echo` (0) answers with its argument, `zeros` (1) with as many zeros as
/// its argument says, for which it reserves memory, and `waste` (2) does the same without.
#[derive(Clone)]
struct TestServer {
    memory: MemoryBudget,
    limits: Limits,
}

impl TestServer {
    fn new(memory: usize) -> Self {
        let limits = Limits::default().stall_timeout(Duration::from_secs(10));
        Self { memory: MemoryBudget::new(memory), limits }
    }

    /// Returns the other end of a new connection.
    fn connect(&self) -> TestClient {
        let (near, io) = tokio::io::duplex(MIB / 16);
        let graph = Graph::new(["echo", "zeros", "waste"].iter().zip(0..).map(|(name, id)| unary(id, name)));
        let graph = graph.with_controls();
        let role = Role::Server(Arc::new(RootProtocol::new(&graph)));
        let conn = SharedConnection::new("client".into(), self.limits, self.memory.clone(), role);
        let extra = graph.methods().map(|_| None).collect();
        let served = Arc::new(ServedGraph { graph, extra });
        let handle = ConnectionHandle::new(conn.clone());
        let host = Arc::new(ServedConnection::new(handle, None, served, self.limits.max_decoded_bytes));
        tokio::spawn(Driver::new(near, conn, self.limits, move |pending| {
            answer(Call::new(host.clone(), pending))
        }));
        TestClient { io, channel: 0 }
    }

    /// Waits until nothing is counted any more.
    async fn wait_until_unused(&self) {
        while self.memory.used() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn answer(call: Call) {
    let memory = call.caller().reply_memory();
    let (args, responder) = call.split();
    let result = match args.method() {
        0 => args.decode::<(Bytes,)>().map(|(blob,)| blob),
        method => match args.decode::<(usize,)>() {
            Ok((size,)) if method == 1 => memory.reserve(size).await.map(|()| vec![0; size].into()),
            other => other.map(|(size,)| vec![0; size].into()),
        },
    };
    responder.primitive(result);
}

struct TestClient {
    io: DuplexStream,
    /// The last channel that was opened.
    channel: u8,
}

/// The length of what comes before the blob of a call of `echo`.
const HEAD_LEN: usize = 9;

impl TestClient {
    async fn write(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    /// Returns the beginning of the next call, up to its argument.
    fn head(&mut self, method: &[u8]) -> Vec<u8> {
        self.channel += 1;
        [&[0x93, self.channel], method, &[0x91]].concat()
    }

    /// Sends the beginning of a call of `echo`, and `sent` of the `size` bytes of its blob.
    async fn begin_echo(&mut self, size: usize, sent: usize) {
        let length = u32::try_from(size).unwrap().to_be_bytes();
        let head = [self.head(&[0]), vec![0xdb], length.to_vec()].concat();
        assert_eq!(head.len(), HEAD_LEN);
        self.write(&[head, vec![7; sent]].concat()).await;
    }

    /// Calls `zeros` (1) or `waste` (2).
    async fn call(&mut self, method: u8, size: usize) {
        let size = u32::try_from(size).unwrap().to_be_bytes();
        let call = [self.head(&[method]), vec![0xce], size.to_vec()].concat();
        self.write(&call).await;
    }

    /// Reads an answer: the size of a blob, or the text of an error.
    async fn answer(&mut self) -> Result<usize, String> {
        let mut head = [0; 4];
        self.io.read_exact(&mut head).await.unwrap();
        assert_eq!((head[0], head[3] & 0xf0), (0x94, 0x90), "{head:02x?}");
        if head[2] == 1 {
            let mut code = [0; 3];
            self.io.read_exact(&mut code).await.unwrap();
        }
        let marker = self.io.read_u8().await.unwrap();
        let size = match marker {
            0xa0..=0xbf => usize::from(marker & 0x1f),
            0xda => usize::from(self.io.read_u16().await.unwrap()),
            0xdb => self.io.read_u32().await.unwrap() as usize,
            _ => panic!("{marker:02x} begins no text"),
        };
        let mut text = vec![0; size];
        self.io.read_exact(&mut text).await.unwrap();
        // The headers of a call without a trace.
        let headers = test_support::frame::UNTRACED;
        let mut read = vec![0; headers.len()];
        self.io.read_exact(&mut read).await.unwrap();
        assert_eq!(read, headers);
        if head[2] == 1 { Err(String::from_utf8(text).unwrap()) } else { Ok(size) }
    }

    /// Checks that a small call and a control message are answered.
    async fn expect_small_answers(&mut self) {
        let call = [self.head(&[0]), b"\xa3abc".to_vec()].concat();
        self.write(&call).await;
        assert_eq!(self.answer().await, Ok(3));
        self.channel += 1;
        self.write(&[0x93, self.channel, 0xcd, 0xff, 0xfd, 0x90]).await;
        let mut pong = vec![0; 4 + test_support::frame::UNTRACED.len()];
        self.io.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong[..4], [0x94, self.channel, 0, 0x90]);
    }

    /// Sends a call of `echo` in a task, which returns the connection when all of it is sent.
    fn send_echo(mut self, size: usize) -> JoinHandle<Self> {
        tokio::spawn(async move {
            self.begin_echo(size, size).await;
            self
        })
    }

    async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.io.read_to_end(&mut rest).await.unwrap();
    }
}

/// Lets the tasks run until all wait.
async fn run_tasks() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn large_frames_wait_for_room_in_order() {
    let server = TestServer::new(16 * MIB);
    let (mut first, mut second) = (server.connect(), server.connect());
    first.begin_echo(6 * MIB, 0).await;
    second.begin_echo(5 * MIB, 0).await;
    run_tasks().await;
    let used = 11 * MIB + 2 * HEAD_LEN;
    assert_eq!(server.memory.used(), used, "room is reserved for all of both");
    let third = server.connect().send_echo(3 * MIB);
    let fourth = server.connect().send_echo(MIB);
    run_tasks().await;
    assert!(!third.is_finished() && !fourth.is_finished(), "their bytes are not read");
    assert_eq!(server.memory.used(), used);
    server.connect().expect_small_answers().await;
    second.write(&vec![7; 5 * MIB]).await;
    assert_eq!(second.answer().await, Ok(5 * MIB));
    for (waiting, size) in [(third, 3 * MIB), (fourth, MIB)] {
        assert_eq!(waiting.await.unwrap().answer().await, Ok(size));
    }
    first.write(&vec![7; 6 * MIB]).await;
    assert_eq!(first.answer().await, Ok(6 * MIB));
    server.wait_until_unused().await;
}

#[tokio::test(start_paused = true)]
async fn stalled_frame_gives_its_room_to_others() {
    let server = TestServer::new(16 * MIB);
    let mut stalled = server.connect();
    stalled.begin_echo(8 * MIB, MIB / 4).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(server.memory.used() > 8 * MIB, "nobody waits for it");
    let waiting = server.connect().send_echo(8 * MIB);
    assert_eq!(waiting.await.unwrap().answer().await, Ok(8 * MIB));
    // What is left of the frame is skipped, and its call is answered.
    stalled.write(&vec![7; 8 * MIB - MIB / 4]).await;
    let error = stalled.answer().await.unwrap_err();
    assert!(
        error.contains("has sent less than a sixteenth") && error.contains("`max_memory_bytes`"),
        "{error}"
    );
    stalled.expect_small_answers().await;
    server.wait_until_unused().await;
}

#[tokio::test(start_paused = true)]
async fn frame_of_unknown_length_is_counted_while_growing() {
    let server = TestServer::new(16 * MIB);
    let mut growing = server.connect();
    // A list of 2000 texts of a kilobyte: their lengths are known when they begin.
    growing.write(b"\x93\x01\x00\xdc\x07\xd0").await;
    let text = [b"\xda\x03\xfd".as_slice(), &[b'x'; 1021]].concat();
    for _ in 0..1999 {
        growing.write(&text).await;
    }
    run_tasks().await;
    let used = server.memory.used();
    assert!((1999 << 10..4 << 20).contains(&used), "{used}");
    growing.write(&text).await;
    assert!(growing.answer().await.is_ok());
    server.wait_until_unused().await;
}

#[tokio::test(start_paused = true)]
async fn frame_that_never_fits_is_answered_at_once() {
    let server = TestServer::new(16 * MIB);
    let mut client = server.connect();
    client.begin_echo(13 * MIB, 13 * MIB).await;
    let error = client.answer().await.unwrap_err();
    assert!(error.contains("0 of 16777216 bytes (`max_memory_bytes`)"), "{error}");
    client.expect_small_answers().await;
    assert_eq!(server.memory.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn frame_that_waits_too_long_is_refused() {
    let server = TestServer::new(16 * MIB);
    let _used = server.memory.charge(8 * MIB);
    let sent = server.connect().send_echo(8 * MIB);
    let start = tokio::time::Instant::now();
    let error = sent.await.unwrap().answer().await.unwrap_err();
    assert!(error.contains("8388608 of 16777216 bytes (`max_memory_bytes`)"), "{error}");
    assert!(start.elapsed() >= server.limits.stall_timeout);
    assert_eq!(server.memory.used(), 8 * MIB);
}

#[tokio::test(start_paused = true)]
async fn answers_are_loaded_as_others_are_read() {
    const SIZE: usize = 7 << 19;
    let server = TestServer::new(16 * MIB);
    let mut clients: Vec<_> = (0..30).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.call(1, SIZE).await;
    }
    run_tasks().await;
    let used = server.memory.used();
    assert!((3 * SIZE..12 * MIB).contains(&used), "three are loaded: {used}");
    server.connect().expect_small_answers().await;
    for client in &mut clients {
        assert_eq!(client.answer().await, Ok(SIZE));
        assert!(server.memory.used() < 12 * MIB);
    }
    server.wait_until_unused().await;
}

#[tokio::test(start_paused = true)]
async fn silent_reader_leaves_room_for_others() {
    let server = TestServer::new(16 * MIB);
    let (mut deaf, mut other) = (server.connect(), server.connect());
    for _ in 0..5 {
        deaf.call(1, 4 * MIB).await;
    }
    tokio::time::sleep(Duration::from_secs(100)).await;
    other.call(1, 4 * MIB).await;
    assert_eq!(other.answer().await, Ok(4 * MIB));
    deaf.expect_end().await;
    server.wait_until_unused().await;
}

#[tokio::test(start_paused = true)]
async fn answer_without_memory_is_an_error() {
    let server = TestServer::new(16 * MIB);
    let _used = server.memory.charge(15 * MIB);
    let mut client = server.connect();
    client.call(2, 2 * MIB).await;
    let error = client.answer().await.unwrap_err();
    assert!(error.contains("no memory for 2097"), "{error}");
    client.call(2, MIB / 8).await;
    assert_eq!(client.answer().await, Ok(MIB / 8), "a small one is answered");
    client.call(1, 13 * MIB).await;
    let error = client.answer().await.unwrap_err();
    assert!(error.contains("no memory for 13631488 bytes"), "{error}");
    assert_eq!(server.memory.used(), 15 * MIB);
}

#[tokio::test(start_paused = true)]
async fn lost_connection_returns_its_memory() {
    let server = TestServer::new(16 * MIB);
    let (mut half, mut deaf) = (server.connect(), server.connect());
    half.begin_echo(3 * MIB, MIB).await;
    deaf.call(1, 3 * MIB).await;
    deaf.call(1, 3 * MIB).await;
    run_tasks().await;
    assert!(server.memory.used() > 9 * MIB);
    drop((half, deaf));
    server.wait_until_unused().await;
}
