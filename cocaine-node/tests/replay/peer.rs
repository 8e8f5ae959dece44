//! Replays a recorded client against a node.

use std::collections::{BTreeMap, VecDeque};

use cocaine::{Value, msgpack};
use test_support::{
    frame, hex,
    recording::{Event, Recording},
    wait::TIMEOUT,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::{
    expected::{self, RandomIds, Substitutes, lost_trace_ids, set_trace},
    wire,
};

/// The channel of the first control ping, above all channels that the recordings use.
const FIRST_PING_CHANNEL: u64 = 1 << 20;

/// The connection of a peer.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// One recorded client, connected to the node.
pub(crate) struct Peer {
    name: &'static str,
    substitutes: Substitutes,
    socket: Box<dyn Socket>,
    events: VecDeque<Event>,
    /// The numbers of this node by the recorded ones.
    numbers: BTreeMap<u64, u64>,
    random_ids: RandomIds,
    ended: bool,
    next_ping_channel: u64,
}

impl Peer {
    pub(crate) fn new(name: &'static str, socket: impl Socket + 'static, substitutes: &Substitutes) -> Self {
        Self::with_events(name, Recording::read(name).events, socket, substitutes)
    }

    /// Returns a peer that plays these events.
    pub(crate) fn with_events(
        name: &'static str,
        events: Vec<Event>,
        socket: impl Socket + 'static,
        substitutes: &Substitutes,
    ) -> Self {
        let (socket, substitutes) = (Box::new(socket), substitutes.clone());
        let (events, numbers, random_ids) = (events.into(), BTreeMap::new(), RandomIds::default());
        Self {
            name,
            substitutes,
            socket,
            events,
            numbers,
            random_ids,
            ended: false,
            next_ping_channel: FIRST_PING_CHANNEL,
        }
    }

    /// Plays the rest of the recording. The node must send what was recorded, nothing else, and close the connection
    /// exactly if it was closed.
    pub(crate) async fn play(mut self) {
        while self.step().await {}
        if !self.ended {
            self.expect_silence().await;
        }
    }

    /// Plays until the node has sent the next recorded bytes.
    pub(crate) async fn play_to_answer(&mut self) {
        while self.events.front().is_some_and(|event| event.dir != "s2c") {
            self.step().await;
        }
        self.step().await;
    }

    /// Plays up to the next note and returns it; `None` at the end of the recording.
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
            // Bytes that the recorded client sent after the connection was closed are skipped.
            "c2s" if self.ended => {}
            "c2s" => self.send(&event).await,
            "s2c" => self.expect_event(&event).await,
            "eof-s2c" | "eof" => self.expect_end().await,
            "note" if event.text.contains("SHUT_WR") => self.socket.shutdown().await.unwrap(),
            "note" => {}
            other => panic!("{}: unknown direction {other}", self.name),
        }
        true
    }

    async fn send(&mut self, event: &Event) {
        if self.random_ids.is_empty() {
            let request = self.substitutes.apply_to_request(event.bytes());
            return self.socket.write_all(&request).await.unwrap();
        }
        for mut frame in wire::decode_frames(event) {
            self.random_ids.apply(&mut frame);
            self.socket.write_all(&msgpack::to_vec(&frame).unwrap()).await.unwrap();
        }
    }

    async fn expect_event(&mut self, event: &Event) {
        for mut frame in wire::decode_frames(event) {
            self.substitutes.apply(&mut frame);
            if let Some(ids) = lost_trace_ids(self.name, &frame) {
                set_trace(&mut frame, ids);
            }
            expected::fix_text(self.name, &mut frame);
            if expected::is_info_report(&frame) {
                self.expect_report(frame).await;
            } else if let Some(number) = expected::variable_number(self.name, &mut frame) {
                let recorded = *number;
                self.expect_variable_number(recorded, &frame).await;
            } else if expected::has_random_ids(&frame) {
                self.expect_random_ids(frame).await;
            } else if expected::is_metrics(self.name, &frame) {
                let got = self.recv().await;
                expected::compare_metrics(&frame, &got);
            } else {
                self.expect(&frame).await;
            }
        }
    }

    /// Expects a report of an app. Only its times and uuids may differ.
    async fn expect_report(&mut self, mut frame: Value) {
        let mut got = self.recv().await;
        expected::normalize(&mut frame);
        expected::normalize(&mut got);
        let same = msgpack::to_vec(&frame).unwrap() == msgpack::to_vec(&got).unwrap();
        assert!(same, "{}: expected\n  {frame}\ngot\n  {got}", self.name);
    }

    /// Expects a frame whose number may differ, as long as each recorded number always stands for the same one.
    async fn expect_variable_number(&mut self, recorded: u64, frame: &Value) {
        let mut got = self.recv().await;
        let number =
            expected::variable_number(self.name, &mut got).unwrap_or_else(|| panic!("no number for {frame}"));
        let own = std::mem::replace(number, recorded);
        assert_eq!(
            *self.numbers.entry(recorded).or_insert(own),
            own,
            "{}: another number than before",
            self.name
        );
        let same = msgpack::to_vec(frame).unwrap() == msgpack::to_vec(&got).unwrap();
        assert!(same, "{}: expected\n  {frame}\ngot\n  {got}", self.name);
    }

    /// Expects a frame whose random ids and times may differ.
    async fn expect_random_ids(&mut self, mut frame: Value) {
        let got = self.recv().await;
        self.random_ids.match_recorded(&mut frame, &got);
        let same = msgpack::to_vec(&frame).unwrap() == msgpack::to_vec(&got).unwrap();
        assert!(same, "{}: expected\n  {frame}\ngot\n  {got}", self.name);
    }

    /// Returns the next frame.
    pub(crate) async fn recv(&mut self) -> Value {
        let mut bytes = Vec::new();
        while frame::length(&bytes).is_none() {
            let read = timeout(TIMEOUT, self.socket.read_u8()).await;
            bytes.push(read.unwrap_or_else(|_| panic!("{}: no frame arrives", self.name)).unwrap());
        }
        let frame: Value = msgpack::from_slice(&bytes).unwrap();
        assert_eq!(
            msgpack::to_vec(&frame).unwrap(),
            bytes,
            "{frame} does not encode to the bytes that arrived"
        );
        frame
    }

    /// Expects exactly this frame.
    pub(crate) async fn expect(&mut self, frame: &Value) {
        let expected = msgpack::to_vec(frame).unwrap();
        let mut got = vec![0; expected.len()];
        let read = timeout(TIMEOUT, self.socket.read_exact(&mut got)).await;
        let read = read.unwrap_or_else(|_| panic!("{}: expected {frame}, got nothing", self.name));
        read.unwrap_or_else(|error| panic!("{}: expected {frame}, then {error}", self.name));
        let (name, expected, got) = (self.name, hex::encode(&expected), hex::encode(&got));
        assert!(expected == got, "{name}: expected {frame}\n  {expected}\ngot\n  {got}");
    }

    async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let read = timeout(TIMEOUT, self.socket.read_to_end(&mut rest)).await;
        // A reset closes the connection like an end.
        let _ = read.unwrap_or_else(|_| panic!("{}: the connection stays open", self.name));
        assert!(rest.is_empty(), "{}: {} came before the end", self.name, hex::encode(&rest));
        self.ended = true;
    }

    /// Checks that the node sends nothing but the answers to two control pings. The first may be answered before earlier
    /// frames are handled; the second is not.
    pub(crate) async fn expect_silence(&mut self) {
        for _ in 0..2 {
            let channel = self.next_ping_channel;
            self.next_ping_channel += 1;
            let ping = Value::Array(vec![channel.into(), 65533u64.into(), Value::Array(Vec::new())]);
            self.socket.write_all(&msgpack::to_vec(&ping).unwrap()).await.unwrap();
            self.expect(&untraced_frame(channel, 0, Vec::new())).await;
        }
    }
}

/// Returns a frame as the runtime sends it outside a trace.
pub(crate) fn untraced_frame(channel: u64, kind: u64, args: Vec<Value>) -> Value {
    let header = |name: &str| Value::Array(vec![false.into(), name.into(), Value::Raw(vec![0; 8].into())]);
    let headers = ["trace_id", "span_id", "parent_id"].map(header).to_vec();
    Value::Array(vec![channel.into(), kind.into(), Value::Array(args), Value::Array(headers)])
}
