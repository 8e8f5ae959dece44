//! An original runtime that answers with what one was recorded to answer, byte for byte but for channels and ports.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    process::Output,
    sync::{Arc, Mutex},
};

use cocaine::{Value, msgpack};
use serde::Deserialize;
use test_support::{
    frame::FrameReader,
    hex,
    recording::{Recording, read_json},
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};

use crate::command::run_at;

/// The services that it has.
const SERVICES: [&str; 5] = ["locator", "logging", "node", "storage", "unicorn"];

/// What a runtime answers to calls that no exchange of the test has: the exchanges in which there is nothing.
const DEFAULTS: [(&str, u64); 6] = [
    ("storage/read_missing", 1),
    ("storage/read_missing", 4),
    ("node/start_list_info_pause", 1),
    ("node/start_list_info_pause", 11),
    ("unicorn/create_get_put_del", 14),
    ("locator/connect_no_cluster", 1),
];

/// A recorded call and its answers.
#[derive(Clone, Debug)]
struct Exchange {
    service: String,
    /// The bytes after the channel.
    request: Vec<u8>,
    method: u64,
    args: Value,
    replies: Vec<Value>,
}

/// The original runtime. Dropping it stops it.
pub(crate) struct Original {
    locator: SocketAddr,
    state: Arc<Mutex<State>>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct State {
    /// The exchanges that are still to come.
    exchanges: Vec<Exchange>,
    defaults: Vec<Exchange>,
    /// The addresses of the services, and the recorded replies that describe them.
    services: BTreeMap<String, (SocketAddr, Value)>,
    /// The calls that no exchange of the test has.
    others: BTreeSet<String>,
    /// Requests whose bytes are not the recorded ones.
    wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Description {
    resolve_reply_hex: String,
}

impl Original {
    /// Starts a runtime that answers each of these exchanges once, which are channels of recordings.
    pub(crate) fn start(exchanges: &[(&str, u64)]) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let load = |exchanges: &[(&str, u64)]| {
            exchanges.iter().map(|(name, channel)| Exchange::load(name, *channel)).collect()
        };
        let state = State { exchanges: load(exchanges), defaults: load(&DEFAULTS), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let descriptions: BTreeMap<String, Description> = read_json("graphs");
        for service in SERVICES {
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            let address = listener.local_addr().unwrap();
            let reply = decode(&hex::decode(&descriptions[service].resolve_reply_hex));
            state.lock().unwrap().services.insert(service.to_owned(), (address, reply));
            runtime.spawn(serve(service, listener, state.clone()));
        }
        let locator = state.lock().unwrap().services["locator"].0;
        Self { locator, state, runtime: Some(runtime) }
    }

    /// Runs `cocaine` with this runtime.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        run_at(&self.locator.to_string(), args)
    }

    pub(crate) fn locator(&self) -> String {
        self.locator.to_string()
    }

    /// Has it answer a call as the recorded one of this channel is answered, with another result.
    pub(crate) fn answer(&self, exchange: (&str, u64), args: Value, result: Value) {
        let mut exchange = Exchange::load(exchange.0, exchange.1);
        // The request is made up, and so its bytes are not compared.
        exchange.request.clear();
        exchange.args = args;
        let Value::Array(frame) = &mut exchange.replies[0] else { panic!("no frame") };
        frame[2] = Value::Array(vec![result]);
        self.state.lock().unwrap().exchanges.push(exchange);
    }

    /// Has it deny a call, with the code and text of `services.md` 3.
    pub(crate) fn deny(&self, exchange: (&str, u64), args: Value) {
        self.answer(exchange, args, Value::Nil);
        let mut state = self.state.lock().unwrap();
        let denial = state.exchanges.last_mut().unwrap();
        let Value::Array(frame) = &mut denial.replies[0] else { panic!("no frame") };
        frame[1] = 1_u8.into();
        let code = Value::Array(vec![12_u8.into(), 13_u8.into()]);
        frame[2] = Value::Array(vec![code, "Permission denied".into()]);
    }

    /// Checks that all exchanges were had, and that each request was the recorded one. Returns the other calls.
    pub(crate) fn finish(self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        assert_eq!(state.wrong, Vec::<String>::new());
        let left: Vec<_> = state.exchanges.iter().map(Exchange::text).collect();
        assert_eq!(left, Vec::<String>::new(), "these were not called");
        state.others.iter().cloned().collect()
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Exchange {
    fn load(name: &str, channel: u64) -> Self {
        let recording = Recording::read(name);
        let frames = |dir: &'static str| {
            let events = recording.events.iter().filter(move |event| event.dir == dir);
            events.flat_map(|event| event.frames().collect::<Vec<_>>()).filter(move |frame| {
                decode(frame).as_array().and_then(|frame| frame.first()?.as_u64()) == Some(channel)
            })
        };
        let request = frames("c2s").next().unwrap_or_else(|| panic!("{name} has no channel {channel}"));
        let replies = frames("s2c").map(|frame| {
            let value = decode(&frame);
            assert_eq!(msgpack::to_vec(&value).unwrap(), frame, "{name}: it is sent as it was recorded");
            value
        });
        let replies = replies.collect();
        let (_, method, args) = parts(&decode(&request));
        let service = recording.service.clone().unwrap();
        Self { service, request: request[2..].to_vec(), method, args, replies }
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.service, self.method, self.args)
    }
}

impl State {
    /// Returns the answers to a call.
    fn reply(&mut self, service: &str, frame: &[u8]) -> Vec<Value> {
        let (channel, method, args) = parts(&decode(frame));
        if (service, method) == ("locator", 0) {
            return vec![on_channel(self.resolve(&args), channel)];
        }
        let is_this = |exchange: &Exchange| {
            exchange.service == service && exchange.method == method && exchange.args == args
        };
        let exchange = if let Some(at) = self.exchanges.iter().position(is_this) {
            self.exchanges.remove(at)
        } else {
            self.others.insert(format!("{service} {method} {args}"));
            let default = self.defaults.iter().find(|one| one.service == service && one.method == method);
            let Some(default) = default else { return Vec::new() };
            Exchange { request: Vec::new(), ..default.clone() }
        };
        // Headers of the call come after them, and change the number of elements.
        let sent = &frame[2..];
        if !exchange.request.is_empty() && !sent.starts_with(&exchange.request) {
            self.wrong.push(format!("{}: {}", exchange.text(), hex::encode(frame)));
        }
        exchange.replies.into_iter().map(|reply| on_channel(reply, channel)).collect()
    }

    fn resolve(&self, args: &Value) -> Value {
        let name = args.as_array().and_then(|args| args.first()?.as_str()).unwrap_or_default();
        let Some((address, reply)) = self.services.get(name) else {
            return Exchange::load("locator/resolve_unknown", 1).replies.remove(0);
        };
        let mut reply = reply.clone();
        let Value::Array(frame) = &mut reply else { panic!("no frame") };
        let Value::Array(results) = &mut frame[2] else { panic!("no results") };
        results[0] = Value::Array(vec![Value::Array(vec!["127.0.0.1".into(), address.port().into()])]);
        reply
    }
}

fn decode(frame: &[u8]) -> Value {
    msgpack::from_slice(frame).unwrap()
}

/// Returns the channel, the message and the arguments of a frame.
fn parts(frame: &Value) -> (u64, u64, Value) {
    let [channel, method, args, ..] = frame.as_array().unwrap() else { panic!("no frame: {frame}") };
    (channel.as_u64().unwrap(), method.as_u64().unwrap(), args.clone())
}

fn on_channel(mut frame: Value, channel: u64) -> Value {
    if let Value::Array(elements) = &mut frame {
        elements[0] = channel.into();
    }
    frame
}

async fn serve(service: &'static str, listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(answer(service, connection, state.clone()));
    }
}

/// Answers the calls of a connection. It is closed, as a runtime does, at a call that there is no answer to.
async fn answer(service: &'static str, mut connection: TcpStream, state: Arc<Mutex<State>>) {
    let (reader, mut writer) = connection.split();
    let (mut frames, mut last) = (FrameReader::new(reader), 0);
    while let Ok(frame) = frames.next().await {
        let (channel, ..) = parts(&decode(&frame));
        // A message on a channel that is open already, such as the `close` of a lock.
        if channel <= last {
            continue;
        }
        last = channel;
        let replies = state.lock().unwrap().reply(service, &frame);
        if replies.is_empty() {
            return;
        }
        for reply in replies {
            if writer.write_all(&msgpack::to_vec(&reply).unwrap()).await.is_err() {
                return;
            }
        }
    }
}
