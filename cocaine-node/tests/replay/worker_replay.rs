//! Replays a recorded worker in place of a process that the node has started.

use test_support::{
    frame::{self, FrameReader},
    hex,
    recording::{Event, Recording},
    wait::TIMEOUT,
};
use tokio::{
    io::{AsyncWriteExt, ReadHalf, WriteHalf},
    net::UnixStream,
    sync::watch,
    time::timeout,
};

use crate::{
    expected::STALLED,
    process::arg,
    wire::{split_frame, with_untraced_headers},
};

/// `[1,1,[11,"overseer is shutting down"]]`, as the node sends it.
const SHUTDOWN: &str = "940101920bb96f76657273656572206973207368757474696e6720646f776e";
/// `[1,1,[0,"ack"]]`, as the recorded worker answers it.
const CONFIRMED: &str = "9301019200a361636b";
const HEARTBEAT: &str = "93010090";

/// One frame that the worker sends or receives.
struct Step {
    /// The worker receives the frame; otherwise it sends it.
    received: bool,
    bytes: Vec<u8>,
    /// The channel of the frame, or `None` if the bytes are not a frame.
    channel: Option<u64>,
    done: bool,
}

/// The worker of one recording, connected to the node.
pub(crate) struct WorkerReplay {
    name: &'static str,
    steps: Vec<Step>,
    /// The worker closes its side at the end.
    closes: bool,
    frames: FrameReader<ReadHalf<UnixStream>>,
    writer: WriteHalf<UnixStream>,
    expected: watch::Sender<Vec<u8>>,
}

/// The frame that a replayed worker waits for. The channel closes when the worker has ended.
#[derive(Clone)]
pub(crate) struct ExpectedFrame(watch::Receiver<Vec<u8>>);

impl ExpectedFrame {
    pub(crate) fn channel() -> (watch::Sender<Vec<u8>>, Self) {
        let (sender, receiver) = watch::channel(Vec::new());
        (sender, Self(receiver))
    }

    /// Waits until the worker expects a frame with this text, or has ended.
    pub(crate) async fn wait_for_text(&mut self, text: &str) {
        let has_text = |frame: &Vec<u8>| frame.windows(text.len()).any(|window| window == text.as_bytes());
        let result = timeout(TIMEOUT, self.0.wait_for(has_text)).await;
        let _ended = result.unwrap_or_else(|_| panic!("no worker waits for {text}"));
    }
}

impl WorkerReplay {
    /// Connects as the process that the node started with these arguments.
    pub(crate) async fn connect(name: &'static str, args: &str, expected: watch::Sender<Vec<u8>>) -> Self {
        let (events, closes) = load_events(name);
        let mut steps: Vec<_> = events.iter().flat_map(split_into_steps).collect();
        let hello = &mut steps[0].bytes;
        assert!(hello.starts_with(&hex::decode("93010091da0024")), "{name}: {}", hex::encode(hello));
        hello[7..43].copy_from_slice(arg(args, "--uuid").as_bytes());
        let socket = UnixStream::connect(arg(args, "--endpoint")).await.unwrap();
        let (reader, writer) = tokio::io::split(socket);
        Self { name, steps, closes, frames: FrameReader::new(reader), writer, expected }
    }

    /// Plays the recording. Frames must arrive in the recorded order on each channel, and none may arrive before the
    /// worker has sent the frames that precede it on that channel. Channels may overtake each other: an invocation may
    /// arrive before the answer to a heartbeat (`traces/README.md`).
    pub(crate) async fn play(mut self) {
        for at in 0..self.steps.len() {
            while self.steps[at].received && !self.steps[at].done {
                self.read_frame(at).await;
            }
            if !self.steps[at].received {
                self.writer.write_all(&self.steps[at].bytes).await.unwrap();
            }
        }
        if self.closes {
            self.writer.shutdown().await.unwrap();
        }
        let name = self.name;
        let end = timeout(TIMEOUT, self.frames.next()).await;
        let end = end.unwrap_or_else(|_| panic!("{name}: the node does not close the connection"));
        let rest = end.unwrap_or_else(|rest| rest);
        assert!(rest.is_empty(), "{name}: {} came before the end", hex::encode(&rest));
    }

    /// Reads a frame, which must be the next one of its channel.
    async fn read_frame(&mut self, at: usize) {
        self.expected.send_replace(self.steps[at].bytes.clone());
        let (name, expected) = (self.name, hex::encode(&self.steps[at].bytes));
        let frame = timeout(TIMEOUT, self.frames.next()).await;
        let frame = frame.unwrap_or_else(|_| panic!("{name}: expected\n  {expected}\ngot nothing"));
        let frame = frame.unwrap_or_else(|_| panic!("{name}: expected\n  {expected}\ngot the end"));
        let (channel, ..) = split_frame(&frame);
        let next = self.steps[at..].iter_mut().find(|step| !step.done && step.channel == Some(channel));
        let next = next.filter(|step| step.received);
        let next = next.unwrap_or_else(|| panic!("{name}: {} arrives too early", hex::encode(&frame)));
        let expected = hex::encode(&next.bytes);
        assert!(next.bytes == frame, "{name}: expected\n  {expected}\ngot\n  {}", hex::encode(&frame));
        next.done = true;
    }
}

/// Returns the events of a recording, and whether the worker closes its side at the end.
fn load_events(name: &str) -> (Vec<Event>, bool) {
    let mut events = Recording::read(name).events;
    events.retain(|event| event.dir != "note");
    let closes = events.iter().any(|event| event.dir == "eof" && event.of == "w2r");
    events.retain(|event| event.dir != "eof");
    if let Some((_, answered)) = STALLED.iter().find(|(stalled, _)| *stalled == name) {
        let is_heartbeat = |event: &Event| event.dir == "w2r" && event.hex.ends_with(HEARTBEAT);
        let unanswered = events.iter().enumerate().filter(|(_, event)| is_heartbeat(event)).nth(*answered);
        let (end, _) = unanswered.expect("a heartbeat without an answer");
        events.truncate(end);
        for (dir, hex) in [("r2w", with_untraced_headers(SHUTDOWN)), ("w2r", CONFIRMED.to_owned())] {
            events.push(Event::from_frame(dir, hex));
        }
    }
    (join_adjacent(events), closes)
}

/// Joins consecutive events of one direction: the boundaries of reads carry no meaning.
fn join_adjacent(events: Vec<Event>) -> Vec<Event> {
    let mut joined: Vec<Event> = Vec::new();
    for event in events {
        match joined.last_mut().filter(|last| last.dir == event.dir) {
            Some(last) => last.hex += &event.hex,
            None => joined.push(event),
        }
    }
    joined
}

/// Splits an event into frames. Bytes that are not a frame are one step.
fn split_into_steps(event: &Event) -> Vec<Step> {
    let received = event.dir == "r2w";
    let mut rest = event.bytes();
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let len = frame::length(&rest).unwrap_or(rest.len());
        let tail = rest.split_off(len);
        let channel = (len > 2).then(|| split_frame(&rest).0);
        steps.push(Step { received, bytes: rest, channel, done: false });
        rest = tail;
    }
    steps
}
