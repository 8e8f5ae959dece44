//! The worker processes of the replays: this very program, run again by a script that the uploaded archive holds.
//!
//! A process that is told to behave does by itself what the worker of the recordings did, whose events have the names
//! of what they do. Any other is a stand-in: the test speaks in its place.

use std::{
    collections::HashMap,
    env,
    fmt::Write as _,
    io::{Read, Write},
    os::unix::net::UnixStream,
    process::exit,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use cocaine::{Value, msgpack};
use test_support::frame;

use crate::wire::parts;

/// What the script passes the node's arguments in, one a line.
const ARGS: &str = "REPLAY_WORKER_ARGS";
/// Which program runs the worker.
pub(crate) const PROGRAM: &str = "REPLAY_WORKER_PROGRAM";
/// Where the test waits for the worker.
pub(crate) const STAGE: &str = "REPLAY_WORKER_STAGE";
/// How the worker differs from others.
pub(crate) const MODE: &str = "REPLAY_WORKER_MODE";

/// What is uploaded as `run.sh`.
pub(crate) const SCRIPT: &str = "#!/bin/sh\n\
    REPLAY_WORKER_ARGS=$(printf '%s\\n' \"$@\") \
    exec \"$REPLAY_WORKER_PROGRAM\" --ignored --exact --nocapture process::process\n";

/// What the test answers a process that is to behave.
pub(crate) const BEHAVE: &[u8] = b"behave";

/// The chunk of the event `big`.
const BIG: usize = 100_000;

#[test]
#[ignore = "run by the nodes of the other tests"]
fn process() {
    let mode = env::var(MODE).unwrap();
    match mode.as_str() {
        "dies" => exit(7),
        "mute" => park(),
        _ => {}
    }
    let args = env::var(ARGS).unwrap();
    let mut stage = UnixStream::connect(env::var(STAGE).unwrap()).unwrap();
    stage.write_all(args.as_bytes()).unwrap();
    stage.shutdown(std::net::Shutdown::Write).unwrap();
    let mut told = Vec::new();
    stage.read_to_end(&mut told).unwrap();
    if told == BEHAVE {
        Worker::connect(&args, mode).run();
    }
    exit(0);
}

fn park() -> ! {
    loop {
        thread::park();
    }
}

/// Returns the argument of this name.
pub(crate) fn arg<'a>(args: &'a str, name: &str) -> &'a str {
    let mut lines = args.lines().skip_while(|line| *line != name);
    lines.nth(1).unwrap_or_else(|| panic!("no {name} in {args}"))
}

/// A worker that behaves as the recorded one.
struct Worker {
    mode: String,
    socket: UnixStream,
    writer: Arc<Mutex<UnixStream>>,
    beating: Arc<AtomicBool>,
    /// The open channels and their events.
    events: HashMap<u64, String>,
}

impl Worker {
    fn connect(args: &str, mode: String) -> Self {
        let socket = UnixStream::connect(arg(args, "--endpoint")).unwrap();
        let writer = Arc::new(Mutex::new(socket.try_clone().unwrap()));
        let worker = Self { mode, socket, writer, beating: Arc::default(), events: HashMap::new() };
        worker.send(1, 0, vec![arg(args, "--uuid").into()]);
        worker.beat();
        worker
    }

    fn send(&self, channel: u64, kind: u64, args: Vec<Value>) {
        self.write(&frame(channel, kind, args, None));
    }

    fn write(&self, bytes: &[u8]) {
        // A node that has gone need not be told.
        let _ = self.writer.lock().unwrap().write_all(bytes);
    }

    /// Sends a heartbeat at once and then now and again.
    fn beat(&self) {
        self.beating.store(true, Ordering::Relaxed);
        let (writer, beating) = (self.writer.clone(), self.beating.clone());
        let beat = frame(1, 0, Vec::new(), None);
        self.write(&beat);
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(100));
                if beating.load(Ordering::Relaxed) {
                    let _ = writer.lock().unwrap().write_all(&beat);
                }
            }
        });
    }

    fn run(mut self) {
        let mut buffer = Vec::new();
        let mut read = [0; 4096];
        loop {
            while let Some(len) = frame::length(&buffer) {
                let rest = buffer.split_off(len);
                self.hear(&buffer);
                buffer = rest;
            }
            match self.socket.read(&mut read) {
                Ok(0) | Err(_) => exit(1),
                Ok(len) => buffer.extend_from_slice(&read[..len]),
            }
        }
    }

    fn hear(&mut self, frame: &[u8]) {
        let (channel, kind, args) = parts(frame);
        let known = self.events.get(&channel).map(String::as_str);
        match (channel, known, kind) {
            (1, _, 1) => self.end(),
            (1, ..) | (_, Some("hold"), _) => {}
            (_, None, 0) => {
                let event = args[0].as_str().unwrap().to_owned();
                self.begin(channel, &event, frame);
                self.events.insert(channel, event);
            }
            // That of the Python framework took one chunk.
            (_, Some("echo"), 0) if self.mode == "python" => self.answer(channel, args[0].clone()),
            (_, Some("echo"), 0) => self.send(channel, 0, args),
            (_, Some("echo"), _) if self.mode != "python" => self.send(channel, 2, Vec::new()),
            (_, Some("store"), 0) => self.answer(channel, "stored-by-worker"),
            _ => {}
        }
    }

    fn end(&self) -> ! {
        if self.mode != "noack" {
            self.send(1, 1, vec![0u64.into(), "ack".into()]);
        }
        exit(0);
    }

    /// Does what the event is named after.
    fn begin(&mut self, channel: u64, event: &str, frame: &[u8]) {
        match event {
            "ping" => self.answer(channel, "pong"),
            "echo" | "hold" | "store" => {}
            "stop-heartbeat" => self.beating.store(false, Ordering::Relaxed),
            "stream" => {
                for number in 0..5 {
                    self.send(channel, 0, vec![format!("chunk-{number}").into()]);
                }
                self.send(channel, 2, Vec::new());
            }
            "bin" => self.answer(channel, Value::Raw((0..=255).collect::<Vec<u8>>().into())),
            "big" => self.answer(channel, Value::Raw(vec![b'B'; BIG].into())),
            "headers" => self.answer(channel, json(&headers(frame))),
            "with-headers" => self.answer_with_headers(channel),
            "choke-only" => self.send(channel, 2, Vec::new()),
            "error" => self.fail(channel, (42, 7), Some("user error")),
            "error-noreason" => self.fail(channel, (42, 7), None),
            "err" => self.fail(channel, (42, 100), Some("framework error")),
            "raise" => self.fail(channel, (42, 100), Some("boom")),
            "nohandler" => {
                self.fail(channel, (42, 200), Some("there is no handler for event b'nohandler'"));
            }
            _ => self.misbehave(channel, event),
        }
    }

    fn answer(&self, channel: u64, chunk: impl Into<Value>) {
        self.send(channel, 0, vec![chunk.into()]);
        self.send(channel, 2, Vec::new());
    }

    fn answer_with_headers(&self, channel: u64) {
        let header = || Some(vec![Value::Array(vec![false.into(), "x-worker".into(), "v".into()])]);
        self.write(&frame(channel, 0, vec!["h".into()], header()));
        self.write(&frame(channel, 2, Vec::new(), header()));
    }

    fn fail(&self, channel: u64, code: (u64, u64), reason: Option<&str>) {
        let code = Value::Array(vec![code.0.into(), code.1.into()]);
        let args = [code].into_iter().chain(reason.map(Value::from)).collect();
        self.send(channel, 1, args);
    }

    /// Breaks a rule, or else says that it does not know the event.
    fn misbehave(&self, channel: u64, event: &str) {
        match event {
            "late-chunk" => {
                self.answer(channel, "a");
                self.send(channel, 0, vec!["after choke".into()]);
            }
            "exit" => exit(3),
            "garbage" => self.write(b"\xc1\xc1"),
            "bad-type" => self.send(channel, 0, vec![42u64.into()]),
            "bad-method" => self.send(channel, 9, Vec::new()),
            "bad-channel" => self.send(channel + 100, 0, vec!["x".into()]),
            "null-chunk" => self.send(channel, 0, Vec::new()),
            "error-flat" => self.send(channel, 1, vec![7u64.into(), "old v0/v1 style error".into()]),
            "terminate" => self.send(1, 1, vec![5u64.into(), "worker wants out".into()]),
            _ => self.fail(channel, (10, 1), Some(&format!("unknown event: {event}"))),
        }
    }
}

fn frame(channel: u64, kind: u64, args: Vec<Value>, headers: Option<Vec<Value>>) -> Vec<u8> {
    let elements = [channel.into(), kind.into(), Value::Array(args)].into_iter();
    let frame = elements.chain(headers.map(Value::Array)).collect();
    msgpack::to_vec(&Value::Array(frame)).unwrap()
}

fn headers(frame: &[u8]) -> Value {
    let frame: Value = msgpack::from_slice(frame).unwrap();
    frame.as_array().and_then(|elements| elements.get(3)).unwrap().clone()
}

/// Writes headers as the recorded worker did, which was in Python: a raw that is no text as `{"$raw": hex}`.
fn json(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(json).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Raw(raw) if raw.iter().all(|byte| matches!(byte, b' '..=b'~')) => {
            format!("\"{}\"", raw.as_str().unwrap())
        }
        Value::Raw(raw) => {
            let hex = raw.iter().fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").unwrap();
                hex
            });
            format!("{{\"$raw\": \"{hex}\"}}")
        }
        Value::Bool(bool) => bool.to_string(),
        other => panic!("{other} is in no header"),
    }
}
