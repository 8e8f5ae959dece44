//! Sends what the clients of a recording sent to a cloud, and compares the answers.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::Path,
    time::Duration,
};

use cocaine::{
    Client,
    frames::{Frame, encode},
    graph::Graph,
};
use serde_json::Value as Json;
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use super::{
    FIRST_CONTROL,
    exchanges::{RecordedMessage, Recording, describe},
    file::Side,
    names::MessageNames,
    stream::{Arrival, FrameStream},
};
use crate::{
    error::{Error, Result},
    json::{from_json, is_secret, matches, to_json},
};

/// Headers of the connection that was recorded, which mean nothing on another one.
const CONNECTION_HEADERS: [&str; 4] = ["cocaine-credit", "trace_id", "span_id", "parent_id"];

/// An answer that differs.
#[derive(Debug)]
pub(crate) struct AnswerDifference {
    /// The line of the recording.
    pub(crate) line: usize,
    /// The message that opened the channel.
    pub(crate) call: String,
    pub(crate) expected: String,
    pub(crate) found: String,
}

/// What was compared.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) calls: usize,
    pub(crate) answers: usize,
    pub(crate) differences: Vec<AnswerDifference>,
}

/// Repeats a recording against a cloud. `wait` is how long each answer may take.
///
/// # Errors
/// The recording cannot be read, or a service cannot be reached.
pub(crate) async fn compare(
    path: &Path,
    cloud: &Client,
    token: Option<&str>,
    wait: Duration,
) -> Result<Comparison> {
    let recording = Recording::read(path)?;
    let mut comparison = Comparison::default();
    let mut connections: HashMap<u64, RepeatedConnection> = HashMap::new();
    for recorded in &recording.messages {
        let number = recorded.message.connection;
        let connection = match connections.entry(number) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(RepeatedConnection::open(cloud, &recorded.message.service).await?)
            }
        };
        match recorded.message.from {
            Side::Client => comparison.calls += usize::from(connection.send(recorded, token).await?),
            Side::Service => {
                let difference = connection.compare(recorded, wait).await;
                comparison.answers += 1;
                comparison.differences.extend(difference);
            }
        }
    }
    Ok(comparison)
}

/// A connection on which the messages of a recorded one are repeated.
#[derive(Debug)]
struct RepeatedConnection {
    service: String,
    graph: Graph,
    names: MessageNames,
    frames: FrameStream<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    /// The messages that opened the channels.
    calls: HashMap<u64, String>,
    /// What has arrived on other channels than the one that was waited for.
    arrived: HashMap<u64, VecDeque<Frame>>,
    /// Channels on which an answer was missing. The rest of them is not compared.
    failed: HashSet<u64>,
}

impl RepeatedConnection {
    async fn open(cloud: &Client, service: &str) -> Result<Self> {
        let failed =
            || Error::while_doing(format!("the service `{service}` of the recording cannot be reached"));
        let resolved = cloud.dynamic(service).await.map_err(failed())?;
        let graph = resolved.graph().await.map_err(failed())?;
        let endpoint = resolved.endpoint().unwrap_or_default();
        let stream = TcpStream::connect(&*endpoint)
            .await
            .map_err(|error| Error::Failed(format!("the service `{service}` at {endpoint}: {error}")))?;
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        Ok(Self {
            service: service.to_owned(),
            names: MessageNames::new(graph.clone()),
            graph,
            frames: FrameStream::new(reader),
            writer,
            calls: HashMap::new(),
            arrived: HashMap::new(),
            failed: HashSet::new(),
        })
    }

    /// Sends a message of the client; returns whether it opens a channel. Methods are found by name.
    async fn send(&mut self, recorded: &RecordedMessage, token: Option<&str>) -> Result<bool> {
        let message = &recorded.message;
        let is_call = !self.calls.contains_key(&message.channel);
        let mut kind = message.kind;
        if is_call {
            self.calls.insert(message.channel, recorded.describe());
            kind = self.graph.method(&message.name).map_or(kind, |method| method.id);
        }
        self.names.name(Side::Client, message.channel, kind);
        let headers = headers(recorded, token)?;
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let frame = encode(message.channel, kind, &recorded.args, headers)
            .map_err(Error::while_doing(format!("line {} cannot be encoded", recorded.line)))?;
        // A connection that has ended shows in the answers.
        let _ = self.writer.write_all(&frame).await;
        Ok(is_call)
    }

    /// Waits for the answer that was recorded; returns the difference.
    async fn compare(&mut self, recorded: &RecordedMessage, wait: Duration) -> Option<AnswerDifference> {
        let channel = recorded.message.channel;
        if self.failed.contains(&channel) {
            return None;
        }
        let found = match timeout(wait, self.next(channel)).await {
            Ok(Ok(frame)) => {
                let args = frame.args().map_or(Json::Null, |args| to_json(&args));
                let name = self.names.name(Side::Service, channel, frame.kind());
                if name == recorded.message.name && matches(&recorded.message.args, &args) {
                    return None;
                }
                describe(&self.service, &name, &args)
            }
            Ok(Err(reason)) => {
                self.failed.insert(channel);
                reason
            }
            Err(_) => {
                self.failed.insert(channel);
                format!("nothing within {wait:?}")
            }
        };
        let call = self.calls.get(&channel).cloned().unwrap_or_default();
        Some(AnswerDifference { line: recorded.line, call, expected: recorded.describe(), found })
    }

    /// Waits for the next message of a channel.
    async fn next(&mut self, channel: u64) -> Result<Frame, String> {
        loop {
            if let Some(frame) = self.arrived.get_mut(&channel).and_then(VecDeque::pop_front) {
                return Ok(frame);
            }
            match self.frames.next().await {
                Ok(Arrival::Frame(frame)) if frame.kind() >= FIRST_CONTROL => {}
                Ok(Arrival::Frame(frame)) => {
                    self.arrived.entry(frame.channel()).or_default().push_back(frame);
                }
                Ok(Arrival::Garbage(_, reason)) => return Err(reason),
                Ok(Arrival::End(_)) => return Err("the service has closed the connection".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// Returns the headers to send with a message: the recorded ones that are not of the connection, and the token in place of the
/// one that was left out.
fn headers(recorded: &RecordedMessage, token: Option<&str>) -> Result<Vec<(String, Vec<u8>)>> {
    let mut headers = Vec::new();
    for (name, value) in &recorded.message.headers {
        if CONNECTION_HEADERS.contains(&name.as_str()) {
            continue;
        }
        let bytes = match (is_secret(name.as_bytes()), token) {
            (true, Some(token)) => token.as_bytes().to_vec(),
            (true, None) => continue,
            (false, _) => {
                let value = from_json(value).map_err(|reason| {
                    Error::Failed(format!("line {}: header `{name}`: {reason}", recorded.line))
                })?;
                value.as_bytes().map(|bytes| bytes.to_vec()).unwrap_or_default()
            }
        };
        headers.push((name.clone(), bytes));
    }
    Ok(headers)
}
