//! Stands between clients and services, and writes down what passes.
//!
//! Clients take it for a locator. It asks the real one, and answers with an endpoint of its own for each service that is recorded;
//! behind that it forwards what either side sends, as it is.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cocaine::{Endpoint, bind::ServiceInfo, frames::Frame};
use serde::Serialize;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy, split},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

use super::{
    file::{Line, Message, RecordingFile, Side},
    names::MessageNames,
    stream::{Arrival, FrameStream},
};
use crate::{
    error::{Error, Result},
    json::{is_secret, left_out, to_json},
};

/// The method `resolve` of a locator, and its answer (`protocol.md` 4.3, 7).
const RESOLVE: u64 = 0;
const VALUE: u64 = 0;

/// The headers with the ids of a trace, which are numbers.
const TRACE_IDS: [&str; 3] = ["trace_id", "span_id", "parent_id"];

/// Records what clients and services say.
#[derive(Debug)]
pub(crate) struct Recorder {
    listener: TcpListener,
    shared: Arc<Shared>,
    /// Listeners for services that were resolved for the first time.
    resolved: mpsc::UnboundedReceiver<(String, TcpListener)>,
}

/// What the connections share.
#[derive(Debug)]
struct Shared {
    locators: Vec<String>,
    /// The names of the services to record; all if there are none.
    only: HashSet<String>,
    address: SocketAddr,
    file: RecordingFile,
    connections: AtomicU64,
    /// Where each service is recorded, and what the locator says of it now.
    services: Mutex<HashMap<String, RecordedAddress>>,
    resolved: mpsc::UnboundedSender<(String, TcpListener)>,
}

#[derive(Debug)]
struct RecordedAddress {
    address: SocketAddr,
    info: ServiceInfo,
}

impl Recorder {
    /// Creates the file, and listens.
    ///
    /// # Errors
    /// Either cannot be done.
    pub(crate) async fn bind(
        locators: Vec<String>,
        only: impl IntoIterator<Item = String>,
        listen: &str,
        path: &Path,
    ) -> Result<Self> {
        let failed = |error| Error::Failed(format!("--listen {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let file = RecordingFile::create(path, &locators.join(","))?;
        let (sender, resolved) = mpsc::unbounded_channel();
        let shared = Shared {
            locators,
            only: only.into_iter().collect(),
            address: listener.local_addr()?,
            file,
            connections: AtomicU64::new(0),
            services: Mutex::default(),
            resolved: sender,
        };
        Ok(Self { listener, shared: Arc::new(shared), resolved })
    }

    /// Returns the address for clients.
    pub(crate) fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Records until the file cannot be written.
    pub(crate) async fn run(mut self) -> Result<()> {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    if let Ok((client, _)) = accepted {
                        tasks.spawn(self.shared.clone().serve_locator(client));
                    }
                }
                Some((name, listener)) = self.resolved.recv() => {
                    tasks.spawn(record_connections(self.shared.clone(), name, listener));
                }
                Some(ended) = tasks.join_next() => ended.map_err(io::Error::from)??,
            }
        }
    }
}

impl Shared {
    /// Forwards the connection of a client to the first locator that can be reached.
    async fn serve_locator(self: Arc<Self>, client: TcpStream) -> Result<()> {
        let Some(locator) = connect(&self.locators).await else { return Ok(()) };
        let (from_client, to_client) = split(client);
        let (from_locator, to_locator) = split(locator);
        let names = Mutex::default();
        let requests = forward_requests(FrameStream::new(from_client), to_locator, &names);
        let replies = self.forward_replies(FrameStream::new(from_locator), to_client, &names);
        tokio::join!(requests, replies).1
    }

    async fn forward_replies(
        &self,
        mut frames: FrameStream<impl AsyncRead + Unpin>,
        mut client: impl AsyncWrite + Unpin,
        names: &Mutex<HashMap<u64, String>>,
    ) -> Result<()> {
        while let Ok(arrival) = frames.next().await {
            match arrival {
                Arrival::Frame(frame) => {
                    if client.write_all(&self.reply(&frame, names).await?).await.is_err() {
                        break;
                    }
                }
                Arrival::Garbage(bytes, _) | Arrival::End(bytes) => {
                    let _ = client.write_all(&bytes).await;
                    let _ = copy(&mut frames.into_inner(), &mut client).await;
                    break;
                }
            }
        }
        let _ = client.shutdown().await;
        Ok(())
    }

    /// Returns what a client gets for a reply of the locator: an endpoint of the recorder in place of those of a service.
    async fn reply(&self, frame: &Frame, names: &Mutex<HashMap<u64, String>>) -> Result<Vec<u8>> {
        let name = lock(names).remove(&frame.channel());
        let Some(name) = name.filter(|name| self.is_recorded(name) && frame.kind() == VALUE) else {
            return Ok(frame.as_bytes().to_vec());
        };
        let Ok(mut info) = frame.args::<ServiceInfo>() else { return Ok(frame.as_bytes().to_vec()) };
        info.endpoints = vec![Endpoint(self.address_of(&name, &info).await?)];
        frame.with_args(&info).map_err(Error::while_doing(format!("the reply for `{name}`")))
    }

    fn is_recorded(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.contains(name)
    }

    /// Returns the address at which a service is recorded. It listens there from the first time on.
    async fn address_of(&self, name: &str, info: &ServiceInfo) -> Result<SocketAddr> {
        let known = |recorded: &mut RecordedAddress| {
            recorded.info = info.clone();
            recorded.address
        };
        if let Some(address) = lock(&self.services).get_mut(name).map(known) {
            return Ok(address);
        }
        let listener = TcpListener::bind((self.address.ip(), 0)).await?;
        let address = listener.local_addr()?;
        // Another connection may have come first.
        let recorded = RecordedAddress { address, info: info.clone() };
        let previous = lock(&self.services).entry(name.to_owned()).or_insert(recorded).address;
        if previous != address {
            return Ok(previous);
        }
        let service =
            Line::Service { name: name.to_owned(), version: info.version, graph: info.graph.clone() };
        self.file.write(&[service])?;
        let _ = self.resolved.send((name.to_owned(), listener));
        Ok(address)
    }
}

/// Connects to the first of these addresses that answers.
async fn connect<A: tokio::net::ToSocketAddrs>(addresses: &[A]) -> Option<TcpStream> {
    for address in addresses {
        if let Ok(stream) = TcpStream::connect(address).await {
            let _ = stream.set_nodelay(true);
            return Some(stream);
        }
    }
    None
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forwards what a client sends to the locator, and remembers the names that it resolves, by channel.
async fn forward_requests(
    mut frames: FrameStream<impl AsyncRead + Unpin>,
    mut locator: impl AsyncWrite + Unpin,
    names: &Mutex<HashMap<u64, String>>,
) {
    while let Ok(arrival) = frames.next().await {
        match arrival {
            Arrival::Frame(frame) => {
                if frame.kind() == RESOLVE
                    && let Ok((name,)) = frame.args::<(String,)>()
                {
                    lock(names).insert(frame.channel(), name);
                }
                if locator.write_all(frame.as_bytes()).await.is_err() {
                    break;
                }
            }
            Arrival::Garbage(bytes, _) | Arrival::End(bytes) => {
                let _ = locator.write_all(&bytes).await;
                let _ = copy(&mut frames.into_inner(), &mut locator).await;
                break;
            }
        }
    }
    let _ = locator.shutdown().await;
}

/// Accepts the connections of clients to a service.
async fn record_connections(shared: Arc<Shared>, name: String, listener: TcpListener) -> Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(record_connection(shared.clone(), name.clone(), client));
                }
            }
            Some(ended) = connections.join_next() => ended.map_err(io::Error::from)??,
        }
    }
}

/// Connects a client to the service, and records both directions.
async fn record_connection(shared: Arc<Shared>, service: String, client: TcpStream) -> Result<()> {
    let info = lock(&shared.services).get(&service).map(|recorded| recorded.info.clone()).unwrap_or_default();
    let endpoints: Vec<SocketAddr> = info.endpoints.iter().map(|endpoint| **endpoint).collect();
    let Some(upstream) = connect(&endpoints).await else { return Ok(()) };
    let _ = client.set_nodelay(true);
    let connection = Connection {
        number: shared.connections.fetch_add(1, Ordering::Relaxed) + 1,
        names: Mutex::new(MessageNames::new(info.graph)),
        service,
        shared,
    };
    let (from_client, to_client) = split(client);
    let (from_service, to_service) = split(upstream);
    let requests = connection.record(Side::Client, FrameStream::new(from_client), to_service);
    let replies = connection.record(Side::Service, FrameStream::new(from_service), to_client);
    let (requests, replies) = tokio::join!(requests, replies);
    requests.and(replies)
}

/// A connection of a client to a service.
#[derive(Debug)]
struct Connection {
    shared: Arc<Shared>,
    number: u64,
    service: String,
    names: Mutex<MessageNames>,
}

impl Connection {
    /// Writes down what one side sends, and forwards it after that.
    async fn record(
        &self,
        side: Side,
        mut frames: FrameStream<impl AsyncRead + Unpin>,
        mut to: impl AsyncWrite + Unpin,
    ) -> Result<()> {
        let reason = loop {
            match frames.next().await {
                Ok(Arrival::Frame(frame)) => {
                    self.shared.file.write(&[self.message(side, &frame)])?;
                    if to.write_all(frame.as_bytes()).await.is_err() {
                        break None;
                    }
                }
                Ok(Arrival::End(rest)) => {
                    let _ = to.write_all(&rest).await;
                    break (!rest.is_empty()).then(|| format!("{} bytes of an incomplete frame", rest.len()));
                }
                Ok(Arrival::Garbage(bytes, reason)) => {
                    let _ = to.write_all(&bytes).await;
                    let _ = copy(&mut frames.into_inner(), &mut to).await;
                    break Some(reason);
                }
                Err(error) => break Some(error.to_string()),
            }
        };
        let _ = to.shutdown().await;
        let Shared { file, .. } = &*self.shared;
        let (connection, service) = (self.number, self.service.clone());
        file.write(&[Line::End { at: file.now(), connection, service, by: side, reason }])
    }

    fn message(&self, from: Side, frame: &Frame) -> Line {
        let args = frame.args().map_or_else(|error| bytes_of(&error), |value| to_json(&value));
        Line::Message(Message {
            at: self.shared.file.now(),
            connection: self.number,
            service: self.service.clone(),
            from,
            channel: frame.channel(),
            name: lock(&self.names).name(from, frame.channel(), frame.kind()),
            kind: frame.kind(),
            args,
            headers: frame.headers().iter().map(|(name, value)| header(name, value)).collect(),
        })
    }
}

/// The form of arguments that cannot be decoded, which match nothing.
fn bytes_of(error: &impl ToString) -> serde_json::Value {
    #[derive(Serialize)]
    struct Undecodable {
        #[serde(rename = "$undecodable")]
        reason: String,
    }
    serde_json::json!(Undecodable { reason: error.to_string() })
}

/// Returns the name and value of a header. The ids of a trace are hexadecimal, and secrets are left out.
fn header(name: &[u8], value: &cocaine::Bytes) -> (String, serde_json::Value) {
    let text = String::from_utf8_lossy(name).into_owned();
    let json = match <[u8; 8]>::try_from(value.as_ref()) {
        _ if is_secret(name) => left_out(),
        Ok(id) if TRACE_IDS.contains(&text.as_str()) => format!("{:016x}", u64::from_le_bytes(id)).into(),
        _ => to_json(&cocaine::Value::Raw(value.clone())),
    };
    (text, json)
}
