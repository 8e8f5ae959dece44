//! The recorded peer, played again against a node.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use cocaine::{Value, msgpack};
use test_support::{
    frame, hex,
    recording::{Event, Recording},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::{
    expected::{self, Drawn, Substitutes, raced, set_trace},
    wire,
};

/// How long an answer may take before the test fails; never waited for otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The first of the channels above all that the recordings use.
const PROBE: u64 = 1 << 20;

/// What a peer is connected by.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

pub(crate) struct Peer {
    name: &'static str,
    substitutes: Substitutes,
    socket: Box<dyn Socket>,
    events: VecDeque<Event>,
    /// Recorded numbers to this node's own.
    numbers: BTreeMap<u64, u64>,
    drawn: Drawn,
    ended: bool,
    probe: u64,
}

impl Peer {
    pub(crate) fn new(name: &'static str, socket: impl Socket + 'static, substitutes: &Substitutes) -> Self {
        Self::of(name, Recording::read(name).events, socket, substitutes)
    }

    /// Returns a peer that plays what no file holds.
    pub(crate) fn of(
        name: &'static str,
        events: Vec<Event>,
        socket: impl Socket + 'static,
        substitutes: &Substitutes,
    ) -> Self {
        let (socket, substitutes) = (Box::new(socket), substitutes.clone());
        let (events, numbers, drawn) = (events.into(), BTreeMap::new(), Drawn::default());
        Self { name, substitutes, socket, events, numbers, drawn, ended: false, probe: PROBE }
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

    /// Plays up to and with the next note, and returns that; `None` at the end of the recording.
    pub(crate) async fn play_to_note(&mut self) -> Option<String> {
        loop {
            let note = self.events.front()?;
            let note = (note.dir == "note").then(|| note.text.clone());
            self.step().await;
            if note.is_some() {
                return note;
            }
        }
    }

    async fn step(&mut self) -> bool {
        let Some(event) = self.events.pop_front() else { return false };
        match event.dir.as_str() {
            // What the recorded client tried after the end says nothing.
            "c2s" if self.ended => {}
            "c2s" => self.say(&event).await,
            "s2c" => self.answer(&event).await,
            "eof-s2c" | "eof" => self.end().await,
            "note" if event.text.contains("SHUT_WR") => self.socket.shutdown().await.unwrap(),
            "note" => {}
            other => panic!("{}: unknown direction {other}", self.name),
        }
        true
    }

    async fn say(&mut self, event: &Event) {
        if self.drawn.is_empty() {
            let request = self.substitutes.apply_to_request(event.bytes());
            return self.socket.write_all(&request).await.unwrap();
        }
        for mut frame in wire::decode_frames(event) {
            self.drawn.apply(&mut frame);
            self.socket.write_all(&msgpack::to_vec(&frame).unwrap()).await.unwrap();
        }
    }

    async fn answer(&mut self, event: &Event) {
        for mut frame in wire::decode_frames(event) {
            self.substitutes.apply(&mut frame);
            if let Some(ids) = raced(self.name, &frame) {
                set_trace(&mut frame, ids);
            }
            expected::mend(self.name, &mut frame);
            if expected::is_report(&frame) {
                self.expect_report(frame).await;
            } else if let Some(number) = expected::own_number(self.name, &mut frame) {
                let recorded = *number;
                self.expect_own(recorded, &frame).await;
            } else if expected::is_drawn(&frame) {
                self.expect_drawn(frame).await;
            } else if expected::are_metrics(self.name, &frame) {
                let got = self.next().await;
                expected::compare_metrics(&frame, &got);
            } else {
                self.expect(&frame).await;
            }
        }
    }

    /// Expects a report of an app, of which only the numbers of time and the uuids may differ.
    async fn expect_report(&mut self, mut frame: Value) {
        let mut got = self.next().await;
        expected::level(&mut frame);
        expected::level(&mut got);
        let same = msgpack::to_vec(&frame).unwrap() == msgpack::to_vec(&got).unwrap();
        assert!(same, "{}: expected\n  {frame}\ngot\n  {got}", self.name);
    }

    /// Expects a frame of which the number may differ, but always in the same way.
    async fn expect_own(&mut self, recorded: u64, frame: &Value) {
        let mut got = self.next().await;
        let number =
            expected::own_number(self.name, &mut got).unwrap_or_else(|| panic!("no number for {frame}"));
        let own = std::mem::replace(number, recorded);
        assert_eq!(*self.numbers.entry(recorded).or_insert(own), own, "{}: it was another before", self.name);
        let same = msgpack::to_vec(frame).unwrap() == msgpack::to_vec(&got).unwrap();
        assert!(same, "{}: expected\n  {frame}\ngot\n  {got}", self.name);
    }

    /// Expects a frame of which only what was drawn by lot, and times, may differ.
    async fn expect_drawn(&mut self, mut frame: Value) {
        let got = self.next().await;
        self.drawn.learn(&mut frame, &got);
        let same = msgpack::to_vec(&frame).unwrap() == msgpack::to_vec(&got).unwrap();
        assert!(same, "{}: expected\n  {frame}\ngot\n  {got}", self.name);
    }

    /// Returns the frame that comes next.
    pub(crate) async fn next(&mut self) -> Value {
        let mut bytes = Vec::new();
        while frame::length(&bytes).is_none() {
            let read = timeout(PATIENCE, self.socket.read_u8()).await;
            bytes.push(read.unwrap_or_else(|_| panic!("{}: nothing comes", self.name)).unwrap());
        }
        let frame: Value = msgpack::from_slice(&bytes).unwrap();
        assert_eq!(msgpack::to_vec(&frame).unwrap(), bytes, "{frame} is not written as read");
        frame
    }

    pub(crate) async fn expect(&mut self, frame: &Value) {
        let expected = msgpack::to_vec(frame).unwrap();
        let mut got = vec![0; expected.len()];
        let read = timeout(PATIENCE, self.socket.read_exact(&mut got)).await;
        let read = read.unwrap_or_else(|_| panic!("{}: expected {frame}, got nothing", self.name));
        read.unwrap_or_else(|error| panic!("{}: expected {frame}, then {error}", self.name));
        let (name, wanted, found) = (self.name, hex::encode(&expected), hex::encode(&got));
        assert!(wanted == found, "{name}: expected {frame}\n  {wanted}\ngot\n  {found}");
    }

    async fn end(&mut self) {
        let mut rest = Vec::new();
        let read = timeout(PATIENCE, self.socket.read_to_end(&mut rest)).await;
        // A reset says as clearly as an end that the connection is closed.
        let _ = read.unwrap_or_else(|_| panic!("{}: the connection stays open", self.name));
        assert!(rest.is_empty(), "{}: {} came before the end", self.name, hex::encode(&rest));
        self.ended = true;
    }

    /// Nothing else was sent: the answer to a control ping is the next that comes. The first one may be answered before
    /// what came with it is handled, the second is not.
    pub(crate) async fn silent(&mut self) {
        for _ in 0..2 {
            let channel = self.probe;
            self.probe += 1;
            let ping = Value::Array(vec![channel.into(), 65533u64.into(), Value::Array(Vec::new())]);
            self.socket.write_all(&msgpack::to_vec(&ping).unwrap()).await.unwrap();
            self.expect(&answer(channel, 0, Vec::new())).await;
        }
    }
}

/// Returns a frame of the runtime where there is no trace.
pub(crate) fn answer(channel: u64, kind: u64, args: Vec<Value>) -> Value {
    let header = |name: &str| Value::Array(vec![false.into(), name.into(), Value::Raw(vec![0; 8].into())]);
    let headers = ["trace_id", "span_id", "parent_id"].map(header).to_vec();
    Value::Array(vec![channel.into(), kind.into(), Value::Array(args), Value::Array(headers)])
}
