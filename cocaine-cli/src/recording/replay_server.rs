//! Answers as the services of a recording did.
//!
//! A channel is answered by the first recorded one that began with the same message and is not used yet, or else by the last one
//! that did. What the service sent before the client's next message is sent at once.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use cocaine::{
    Code, Endpoint,
    bind::ServiceInfo,
    frames::{Frame, encode},
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    sync::mpsc,
    task::JoinSet,
};

use super::{
    FIRST_CONTROL,
    exchanges::{Exchange, RecordedMessage, Recording, describe},
    file::Side,
    names::MessageNames,
    stream::{Arrival, FrameStream},
};
use crate::{
    error::{Error, Result},
    json::{matches, to_json},
};

const RESOLVE: u64 = 0;
const VALUE: u64 = 0;
const ERROR: u64 = 1;

/// A message of a client that the recording does not have.
#[derive(Debug)]
pub(crate) struct Unexpected {
    pub(crate) message: String,
    /// What the recording has in its place: nothing, or the line and the message.
    pub(crate) expected: Option<(usize, String)>,
}

/// Serves a recording to clients, which take it for a locator.
#[derive(Debug)]
pub(crate) struct ReplayServer {
    listener: TcpListener,
    services: HashMap<String, (ServiceInfo, Arc<RecordedAnswers>, TcpListener)>,
    unexpected: mpsc::UnboundedReceiver<Unexpected>,
}

/// The exchanges of a service.
#[derive(Debug)]
struct RecordedAnswers {
    service: String,
    info: ServiceInfo,
    exchanges: Mutex<Vec<Exchange>>,
    unexpected: mpsc::UnboundedSender<Unexpected>,
}

impl ReplayServer {
    /// Reads a recording, and listens.
    ///
    /// # Errors
    /// Either cannot be done.
    pub(crate) async fn bind(path: &Path, listen: &str) -> Result<Self> {
        let recording = Recording::read(path)?;
        let failed = |error| Error::Failed(format!("--listen {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let (sender, unexpected) = mpsc::unbounded_channel();
        let mut services = HashMap::new();
        for (name, service) in &recording.services {
            let socket = TcpListener::bind((listener.local_addr()?.ip(), 0)).await?;
            let endpoints = vec![Endpoint(socket.local_addr()?)];
            let info = ServiceInfo { endpoints, version: service.version, graph: service.graph.clone() };
            let answers = RecordedAnswers {
                service: name.clone(),
                info: info.clone(),
                exchanges: Mutex::new(recording.exchanges(name)),
                unexpected: sender.clone(),
            };
            services.insert(name.clone(), (info, Arc::new(answers), socket));
        }
        Ok(Self { listener, services, unexpected })
    }

    /// Returns the address for clients.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves, and hands over what the recording does not have.
    pub(crate) async fn run(mut self, mut report: impl FnMut(Unexpected) -> Result<()>) -> Result<()> {
        let mut tasks = JoinSet::new();
        let mut infos = HashMap::new();
        for (name, (info, answers, listener)) in self.services {
            infos.insert(name, info);
            tasks.spawn(answers.serve(listener));
        }
        let infos = Arc::new(infos);
        loop {
            tokio::select! {
                // First, so that nothing is lost if the future is dropped when a client has its answer.
                biased;
                Some(unexpected) = self.unexpected.recv() => report(unexpected)?,
                accepted = self.listener.accept() => {
                    if let Ok((client, _)) = accepted {
                        tasks.spawn(serve_locator(infos.clone(), client));
                    }
                }
                Some(_) = tasks.join_next() => {}
            }
        }
    }
}

/// Resolves the names of the recording.
async fn serve_locator(infos: Arc<HashMap<String, ServiceInfo>>, client: TcpStream) {
    let (reader, mut writer) = client.into_split();
    let mut frames = FrameStream::new(reader);
    while let Ok(Arrival::Frame(frame)) = frames.next().await {
        if frame.kind() >= FIRST_CONTROL {
            continue;
        }
        let info = frame
            .args()
            .ok()
            .filter(|_| frame.kind() == RESOLVE)
            .and_then(|(name,): (String,)| infos.get(&name));
        let reply = match info {
            Some(info) => encode(frame.channel(), VALUE, info, []),
            None => error_frame(frame.channel(), Code::SERVICE_NOT_AVAILABLE, "service is not available"),
        };
        let Ok(reply) = reply else { return };
        if writer.write_all(&reply).await.is_err() {
            return;
        }
    }
}

fn error_frame(channel: u64, code: Code, text: &str) -> cocaine::Result<Vec<u8>> {
    encode(channel, ERROR, &((code.category.0, code.code), text), [])
}

impl RecordedAnswers {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((client, _)) = accepted {
                        connections.spawn(self.clone().serve_connection(client));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn serve_connection(self: Arc<Self>, client: TcpStream) {
        let _ = client.set_nodelay(true);
        let (reader, writer) = client.into_split();
        let mut frames = FrameStream::new(reader);
        let names = MessageNames::new(self.info.graph.clone());
        let mut connection = ReplayConnection { answers: &self, writer, names, channels: HashMap::new() };
        while let Ok(Arrival::Frame(frame)) = frames.next().await {
            if frame.kind() < FIRST_CONTROL && connection.answer(&frame).await.is_err() {
                return;
            }
        }
    }

    /// Returns the messages of the exchange that begins with this one.
    fn find(&self, frame: &Frame) -> Option<Vec<RecordedMessage>> {
        let args = to_json(&frame.args().ok()?);
        let mut exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        let is_begun = |exchange: &&mut Exchange| {
            let first = &exchange.messages[0].message;
            first.kind == frame.kind() && matches(&first.args, &args)
        };
        let mut last = None;
        for exchange in exchanges.iter_mut().filter(is_begun) {
            let is_used = exchange.is_used;
            last = Some(exchange);
            if !is_used {
                break;
            }
        }
        let exchange = last?;
        exchange.is_used = true;
        Some(exchange.messages.clone())
    }
}

/// A connection of a client.
#[derive(Debug)]
struct ReplayConnection<'a> {
    answers: &'a RecordedAnswers,
    writer: OwnedWriteHalf,
    names: MessageNames,
    /// What is still to come on each channel.
    channels: HashMap<u64, std::vec::IntoIter<RecordedMessage>>,
}

impl ReplayConnection<'_> {
    /// Answers a message of the client.
    async fn answer(&mut self, frame: &Frame) -> io::Result<()> {
        let name = self.names.name(Side::Client, frame.channel(), frame.kind());
        let Some(mut rest) = self.channels.remove(&frame.channel()) else {
            return match self.answers.find(frame) {
                Some(messages) => {
                    let mut rest = messages.into_iter();
                    rest.next();
                    self.send(frame.channel(), rest).await
                }
                None => self.refuse(frame, &name, None).await,
            };
        };
        match rest.next() {
            Some(expected) if is_same(&expected, frame) => self.send(frame.channel(), rest).await,
            expected => self.refuse(frame, &name, expected.as_ref()).await,
        }
    }

    /// Sends what the service sent before the next message of the client.
    async fn send(&mut self, channel: u64, mut rest: std::vec::IntoIter<RecordedMessage>) -> io::Result<()> {
        while rest.as_slice().first().is_some_and(|next| next.message.from == Side::Service) {
            let Some(next) = rest.next() else { break };
            let frame = encode(channel, next.message.kind, &next.args, []).map_err(io::Error::other)?;
            self.writer.write_all(&frame).await?;
        }
        if rest.len() > 0 {
            self.channels.insert(channel, rest);
        }
        Ok(())
    }

    /// Answers what is not recorded with an error, and reports it.
    async fn refuse(
        &mut self,
        frame: &Frame,
        name: &str,
        expected: Option<&RecordedMessage>,
    ) -> io::Result<()> {
        let args = frame.args().map(|args| to_json(&args)).unwrap_or_default();
        let message = describe(&self.answers.service, name, &args);
        let error = error_frame(frame.channel(), Code::INVALID_VALUE, &format!("not recorded: {message}"));
        let expected = expected.map(|expected| (expected.line, expected.describe()));
        let _ = self.answers.unexpected.send(Unexpected { message, expected });
        self.writer.write_all(&error.map_err(io::Error::other)?).await
    }
}

/// Returns whether a frame is what the recording has.
fn is_same(expected: &RecordedMessage, frame: &Frame) -> bool {
    expected.message.from == Side::Client
        && expected.message.kind == frame.kind()
        && frame.args().is_ok_and(|args| matches(&expected.message.args, &to_json(&args)))
}
