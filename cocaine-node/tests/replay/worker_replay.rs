//! A recorded worker, played again in the place of a process that the node has started.

use test_support::{
    frame::{self, FrameReader},
    hex,
    recording::{Event, Recording},
};
use tokio::{
    io::{AsyncWriteExt, ReadHalf, WriteHalf},
    net::UnixStream,
    sync::watch,
    time::timeout,
};

use crate::{
    expected::STALLED,
    peer::PATIENCE,
    process::arg,
    wire::{of_runtime, parts},
};

/// `[1,1,[11,"overseer is shutting down"]]`, as the node says it.
const SHUTDOWN: &str = "940101920bb96f76657273656572206973207368757474696e6720646f776e";
/// `[1,1,[0,"ack"]]`, as the recorded worker answers that.
const CONFIRMED: &str = "9301019200a361636b";
const HEARTBEAT: &str = "93010090";

/// What a worker says or hears.
struct Step {
    /// It hears this; otherwise it says it.
    heard: bool,
    bytes: Vec<u8>,
    channels: Vec<u64>,
    done: bool,
}

/// The worker of one recording.
pub(crate) struct Script {
    name: &'static str,
    steps: Vec<Step>,
    closes: bool,
    frames: FrameReader<ReadHalf<UnixStream>>,
    writer: WriteHalf<UnixStream>,
    waits: watch::Sender<Vec<u8>>,
}

/// For what a recorded worker waits, until it has ended.
#[derive(Clone)]
pub(crate) struct Waits(watch::Receiver<Vec<u8>>);

impl Waits {
    pub(crate) fn new() -> (watch::Sender<Vec<u8>>, Self) {
        let (sender, receiver) = watch::channel(Vec::new());
        (sender, Self(receiver))
    }

    /// Returns once the worker waits for a frame with this text, or has ended.
    pub(crate) async fn text(&mut self, text: &str) {
        let waits = |frame: &Vec<u8>| frame.windows(text.len()).any(|window| window == text.as_bytes());
        let found = timeout(PATIENCE, self.0.wait_for(waits)).await;
        let _ended = found.unwrap_or_else(|_| panic!("no recorded worker waits for {text}"));
    }
}

impl Script {
    /// Connects as the process that was started with these arguments.
    pub(crate) async fn connect(name: &'static str, args: &str, waits: watch::Sender<Vec<u8>>) -> Self {
        let (events, closes) = events(name);
        let mut steps: Vec<_> = events.iter().flat_map(steps).collect();
        let hello = &mut steps[0].bytes;
        assert!(hello.starts_with(&hex::decode("93010091da0024")), "{name}: {}", hex::encode(hello));
        hello[7..43].copy_from_slice(arg(args, "--uuid").as_bytes());
        let socket = UnixStream::connect(arg(args, "--endpoint")).await.unwrap();
        let (reader, writer) = tokio::io::split(socket);
        Self { name, steps, closes, frames: FrameReader::new(reader), writer, waits }
    }

    /// Plays the recording. Frames come in the recorded order channel by channel, and none comes before what the worker
    /// has to say first on its channel: an invocation may overtake the answer to a heartbeat (`traces/README.md`).
    pub(crate) async fn play(mut self) {
        for at in 0..self.steps.len() {
            while self.steps[at].heard && !self.steps[at].done {
                self.hear(at).await;
            }
            if !self.steps[at].heard {
                self.writer.write_all(&self.steps[at].bytes).await.unwrap();
            }
        }
        if self.closes {
            self.writer.shutdown().await.unwrap();
        }
        let name = self.name;
        let end = timeout(PATIENCE, self.frames.next()).await;
        let end = end.unwrap_or_else(|_| panic!("{name}: the node does not close the connection"));
        let rest = end.unwrap_or_else(|rest| rest);
        assert!(rest.is_empty(), "{name}: {} came before the end", hex::encode(&rest));
    }

    /// Reads a frame, which must be the next of its channel.
    async fn hear(&mut self, at: usize) {
        self.waits.send_replace(self.steps[at].bytes.clone());
        let (name, wanted) = (self.name, hex::encode(&self.steps[at].bytes));
        let frame = timeout(PATIENCE, self.frames.next()).await;
        let frame = frame.unwrap_or_else(|_| panic!("{name}: expected\n  {wanted}\ngot nothing"));
        let frame = frame.unwrap_or_else(|_| panic!("{name}: expected\n  {wanted}\ngot the end"));
        let (channel, ..) = parts(&frame);
        let next = self.steps[at..].iter_mut().find(|step| !step.done && step.channels.contains(&channel));
        let next = next.filter(|step| step.heard);
        let next = next.unwrap_or_else(|| panic!("{name}: {} comes too early", hex::encode(&frame)));
        let wanted = hex::encode(&next.bytes);
        assert!(next.bytes == frame, "{name}: expected\n  {wanted}\ngot\n  {}", hex::encode(&frame));
        next.done = true;
    }
}

/// Returns what a recording holds, and whether the worker closes the connection at its end.
fn events(name: &str) -> (Vec<Event>, bool) {
    let mut events = Recording::read(name).events;
    events.retain(|event| event.dir != "note");
    let closes = events.iter().any(|event| event.dir == "eof" && event.of == "w2r");
    events.retain(|event| event.dir != "eof");
    if let Some((_, answered)) = STALLED.iter().find(|(stalled, _)| *stalled == name) {
        let beats = |event: &Event| event.dir == "w2r" && event.hex.ends_with(HEARTBEAT);
        let unanswered = events.iter().enumerate().filter(|(_, event)| beats(event)).nth(*answered);
        let (end, _) = unanswered.expect("a heartbeat without an answer");
        events.truncate(end);
        for (dir, hex) in [("r2w", of_runtime(SHUTDOWN)), ("w2r", CONFIRMED.to_owned())] {
            events.push(Event::from_frame(dir, hex));
        }
    }
    (joined(events), closes)
}

/// Joins what one side says without a word of the other: where a read ended means nothing.
fn joined(events: Vec<Event>) -> Vec<Event> {
    let mut joined: Vec<Event> = Vec::new();
    for event in events {
        match joined.last_mut().filter(|last| last.dir == event.dir) {
            Some(last) => last.hex += &event.hex,
            None => joined.push(event),
        }
    }
    joined
}

/// Returns each frame of an event; what is none stays as it is.
fn steps(event: &Event) -> Vec<Step> {
    let heard = event.dir == "r2w";
    let mut rest = event.bytes();
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let len = frame::length(&rest).unwrap_or(rest.len());
        let tail = rest.split_off(len);
        let channels = if len > 2 { vec![parts(&rest).0] } else { Vec::new() };
        steps.push(Step { heard, bytes: rest, channels, done: false });
        rest = tail;
    }
    steps
}
