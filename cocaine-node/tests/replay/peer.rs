//! The recorded peer, played again against a node.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use cocaine::{Value, msgpack};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    expected::{Substitutes, raced, set_trace},
    trace::{Event, Trace},
};

/// How long an answer may take before the test fails; never waited for otherwise.
const PATIENCE: Duration = Duration::from_secs(20);

/// A channel above all that the recordings use.
const PROBE: u64 = 1 << 20;

pub(crate) struct Peer {
    name: &'static str,
    substitutes: Substitutes,
    socket: TcpStream,
    events: VecDeque<Event>,
    ended: bool,
}

impl Peer {
    pub(crate) async fn connect(name: &'static str, address: SocketAddr, substitutes: &Substitutes) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        let events = Trace::read(name).events.into();
        Self { name, substitutes: substitutes.clone(), socket, events, ended: false }
    }

    /// Plays the rest of the recording: what was answered must be answered, what was silent must be silent, and what
    /// was closed must be closed.
    pub(crate) async fn play(mut self) {
        while self.step().await {}
        if !self.ended {
            self.silent().await;
        }
    }

    /// Plays up to and with the next bytes that the runtime sent.
    pub(crate) async fn play_to_answer(&mut self) {
        while self.events.front().is_some_and(|event| event.dir != "s2c") {
            self.step().await;
        }
        self.step().await;
    }

    async fn step(&mut self) -> bool {
        let Some(event) = self.events.pop_front() else { return false };
        match event.dir.as_str() {
            // What the recorded client tried after the end says nothing.
            "c2s" if self.ended => {}
            "c2s" => self.socket.write_all(&event.bytes()).await.unwrap(),
            "s2c" => self.answer(&event).await,
            "eof-s2c" | "eof" => self.end().await,
            "note" if event.text.contains("SHUT_WR") => self.socket.shutdown().await.unwrap(),
            "note" => {}
            other => panic!("{}: unknown direction {other}", self.name),
        }
        true
    }

    async fn answer(&mut self, event: &Event) {
        for mut frame in event.frames() {
            self.substitutes.apply(&mut frame);
            if let Some(ids) = raced(self.name, &frame) {
                set_trace(&mut frame, ids);
            }
            self.expect(&frame).await;
        }
    }

    async fn expect(&mut self, frame: &Value) {
        let expected = msgpack::to_vec(frame).unwrap();
        let mut got = vec![0; expected.len()];
        let read = timeout(PATIENCE, self.socket.read_exact(&mut got)).await;
        let read = read.unwrap_or_else(|_| panic!("{}: expected {frame}, got nothing", self.name));
        read.unwrap_or_else(|error| panic!("{}: expected {frame}, then {error}", self.name));
        let (name, wanted, found) = (self.name, hex(&expected), hex(&got));
        assert!(wanted == found, "{name}: expected {frame}\n  {wanted}\ngot\n  {found}");
    }

    async fn end(&mut self) {
        let mut rest = Vec::new();
        let read = timeout(PATIENCE, self.socket.read_to_end(&mut rest)).await;
        // A reset says as clearly as an end that the connection is closed.
        let _ = read.unwrap_or_else(|_| panic!("{}: the connection stays open", self.name));
        assert!(rest.is_empty(), "{}: {} came before the end", self.name, hex(&rest));
        self.ended = true;
    }

    /// Nothing else was sent: the answer to a control ping is the next that comes.
    async fn silent(&mut self) {
        let ping = Value::Array(vec![PROBE.into(), 65533u64.into(), Value::Array(Vec::new())]);
        self.socket.write_all(&msgpack::to_vec(&ping).unwrap()).await.unwrap();
        let header =
            |name: &str| Value::Array(vec![false.into(), name.into(), Value::Raw(vec![0; 8].into())]);
        let headers = ["trace_id", "span_id", "parent_id"].map(header).to_vec();
        let answer = [PROBE.into(), 0u64.into(), Value::Array(Vec::new()), Value::Array(headers)];
        self.expect(&Value::Array(answer.to_vec())).await;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
