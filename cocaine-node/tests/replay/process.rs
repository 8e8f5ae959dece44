//! The worker processes of the replays: the script in the uploaded archive runs this test program again.
//!
//! The process sends its arguments to the test. It then either runs [`Worker`], which behaves like the recorded worker,
//! or does nothing while the test replays a recording in its place.

use std::{
    collections::HashMap,
    env,
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
use test_support::{frame, hex};

use crate::wire::split_frame;

/// The variable with the node's arguments, one per line.
const ARGS: &str = "REPLAY_WORKER_ARGS";
/// The variable with the path of this program.
pub(crate) const PROGRAM: &str = "REPLAY_WORKER_PROGRAM";
/// The variable with the path of the socket on which the test accepts worker processes.
pub(crate) const CONTROL_SOCKET: &str = "REPLAY_WORKER_CONTROL_SOCKET";
/// The variable with the deviation from the ordinary worker: `dies`, `mute`, `noack` or `python`.
pub(crate) const MODE: &str = "REPLAY_WORKER_MODE";

/// The content of the uploaded `run.sh`.
pub(crate) const SCRIPT: &str = "#!/bin/sh\n\
    REPLAY_WORKER_ARGS=$(printf '%s\\n' \"$@\") \
    exec \"$REPLAY_WORKER_PROGRAM\" --ignored --exact --nocapture process::worker_process\n";

/// The command of the test that makes a process run [`Worker`].
pub(crate) const RUN_WORKER: &[u8] = b"run";

/// The length of the chunk that the event `big` sends.
const BIG_CHUNK: usize = 100_000;

#[test]
#[ignore = "run by the nodes of the other tests"]
fn worker_process() {
    let mode = env::var(MODE).unwrap();
    match mode.as_str() {
        "dies" => exit(7),
        "mute" => park(),
        _ => {}
    }
    let args = env::var(ARGS).unwrap();
    let mut control = UnixStream::connect(env::var(CONTROL_SOCKET).unwrap()).unwrap();
    control.write_all(args.as_bytes()).unwrap();
    control.shutdown(std::net::Shutdown::Write).unwrap();
    let mut command = Vec::new();
    control.read_to_end(&mut command).unwrap();
    if command == RUN_WORKER {
        Worker::connect(&args, mode).run();
    }
    exit(0);
}

fn park() -> ! {
    loop {
        thread::park();
    }
}

/// Returns the value of the argument `name`.
pub(crate) fn arg<'a>(args: &'a str, name: &str) -> &'a str {
    let mut lines = args.lines().skip_while(|line| *line != name);
    lines.nth(1).unwrap_or_else(|| panic!("no {name} in {args}"))
}

/// A worker that behaves like the recorded one: each event is named after what it does.
struct Worker {
    mode: String,
    socket: UnixStream,
    writer: Arc<Mutex<UnixStream>>,
    sends_heartbeats: Arc<AtomicBool>,
    /// The events of the open channels.
    events: HashMap<u64, String>,
}

impl Worker {
    fn connect(args: &str, mode: String) -> Self {
        let socket = UnixStream::connect(arg(args, "--endpoint")).unwrap();
        let writer = Arc::new(Mutex::new(socket.try_clone().unwrap()));
        let worker = Self { mode, socket, writer, sends_heartbeats: Arc::default(), events: HashMap::new() };
        worker.send(1, 0, vec![arg(args, "--uuid").into()]);
        worker.start_heartbeats();
        worker
    }

    fn send(&self, channel: u64, kind: u64, args: Vec<Value>) {
        self.write(&frame(channel, kind, args, None));
    }

    fn write(&self, bytes: &[u8]) {
        // If the node is gone, so is the reader of the frame.
        let _ = self.writer.lock().unwrap().write_all(bytes);
    }

    /// Sends a heartbeat now and every 100 ms until heartbeats are disabled.
    fn start_heartbeats(&self) {
        self.sends_heartbeats.store(true, Ordering::Relaxed);
        let (writer, enabled) = (self.writer.clone(), self.sends_heartbeats.clone());
        let heartbeat = frame(1, 0, Vec::new(), None);
        self.write(&heartbeat);
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(100));
                if enabled.load(Ordering::Relaxed) {
                    let _ = writer.lock().unwrap().write_all(&heartbeat);
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
                self.handle_frame(&buffer);
                buffer = rest;
            }
            match self.socket.read(&mut read) {
                Ok(0) | Err(_) => exit(1),
                Ok(len) => buffer.extend_from_slice(&read[..len]),
            }
        }
    }

    fn handle_frame(&mut self, frame: &[u8]) {
        let (channel, kind, args) = split_frame(frame);
        let event = self.events.get(&channel).map(String::as_str);
        match (channel, event, kind) {
            (1, _, 1) => self.terminate(),
            (1, ..) | (_, Some("hold"), _) => {}
            (_, None, 0) => {
                let event = args[0].as_str().unwrap().to_owned();
                self.handle_event(channel, &event, frame);
                self.events.insert(channel, event);
            }
            // The recorded handler of the Python framework read one chunk.
            (_, Some("echo"), 0) if self.mode == "python" => self.reply(channel, args[0].clone()),
            (_, Some("echo"), 0) => self.send(channel, 0, args),
            (_, Some("echo"), _) if self.mode != "python" => self.send(channel, 2, Vec::new()),
            (_, Some("store"), 0) => self.reply(channel, "stored-by-worker"),
            _ => {}
        }
    }

    fn terminate(&self) -> ! {
        if self.mode != "noack" {
            self.send(1, 1, vec![0u64.into(), "ack".into()]);
        }
        exit(0);
    }

    /// Does what the event is named after.
    fn handle_event(&mut self, channel: u64, event: &str, frame: &[u8]) {
        match event {
            "ping" => self.reply(channel, "pong"),
            "echo" | "hold" | "store" => {}
            "stop-heartbeat" => self.sends_heartbeats.store(false, Ordering::Relaxed),
            "stream" => {
                for number in 0..5 {
                    self.send(channel, 0, vec![format!("chunk-{number}").into()]);
                }
                self.send(channel, 2, Vec::new());
            }
            "bin" => self.reply(channel, Value::Raw((0..=255).collect::<Vec<u8>>().into())),
            "big" => self.reply(channel, Value::Raw(vec![b'B'; BIG_CHUNK].into())),
            "headers" => self.reply(channel, format_headers(&headers(frame))),
            "with-headers" => self.reply_with_headers(channel),
            "choke-only" => self.send(channel, 2, Vec::new()),
            "error" => self.send_error(channel, (42, 7), Some("user error")),
            "error-noreason" => self.send_error(channel, (42, 7), None),
            "err" => self.send_error(channel, (42, 100), Some("framework error")),
            "raise" => self.send_error(channel, (42, 100), Some("boom")),
            "nohandler" => {
                self.send_error(channel, (42, 200), Some("there is no handler for event b'nohandler'"));
            }
            _ => self.violate_protocol(channel, event),
        }
    }

    fn reply(&self, channel: u64, chunk: impl Into<Value>) {
        self.send(channel, 0, vec![chunk.into()]);
        self.send(channel, 2, Vec::new());
    }

    fn reply_with_headers(&self, channel: u64) {
        let header = || Some(vec![Value::Array(vec![false.into(), "x-worker".into(), "v".into()])]);
        self.write(&frame(channel, 0, vec!["h".into()], header()));
        self.write(&frame(channel, 2, Vec::new(), header()));
    }

    fn send_error(&self, channel: u64, code: (u64, u64), reason: Option<&str>) {
        let code = Value::Array(vec![code.0.into(), code.1.into()]);
        let args = [code].into_iter().chain(reason.map(Value::from)).collect();
        self.send(channel, 1, args);
    }

    /// Violates the protocol, or reports an unknown event.
    fn violate_protocol(&self, channel: u64, event: &str) {
        match event {
            "late-chunk" => {
                self.reply(channel, "a");
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
            _ => self.send_error(channel, (10, 1), Some(&format!("unknown event: {event}"))),
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

/// Formats headers like the recorded worker, which was in Python. A raw that is not text becomes `{"$raw": hex}`.
fn format_headers(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(format_headers).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Raw(raw) if raw.iter().all(|byte| matches!(byte, b' '..=b'~')) => {
            format!("\"{}\"", raw.as_str().unwrap())
        }
        Value::Raw(raw) => {
            format!("{{\"$raw\": \"{}\"}}", hex::encode(raw))
        }
        Value::Bool(bool) => bool.to_string(),
        other => panic!("{other} cannot be in a header"),
    }
}
