//! A node with one app, whose worker processes are played by the test or by this program.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use cocaine::{Bytes, Client, Value, msgpack};
use cocaine_bindings::{Node as _, NodeClient, Storage, StorageClient};
use cocaine_node::{Node, NodeBuilder, helper::Helper};
use serde::Serialize;
use serde_json::Value as Json;
use tempfile::TempDir;
use test_support::{
    recording::{Event, Recording},
    wait::wait_until,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
};

use crate::{
    expected::Substitutes,
    peer::Peer,
    process::{self, arg},
    worker_replay::{ExpectedFrame, WorkerReplay},
};

/// The configuration of an app and its workers.
#[derive(Clone)]
pub(crate) struct AppSettings {
    pub(crate) app: &'static str,
    pub(crate) profile: Json,
    /// How the worker processes deviate from the ordinary worker (`process.rs`).
    pub(crate) mode: &'static str,
    /// The recordings that the workers replay, in the order of their start. Later workers run on their own.
    pub(crate) recordings: &'static [&'static str],
    /// The manifest's `slave`.
    pub(crate) slave: &'static str,
}

/// A running node with a running app.
pub(crate) struct AppNode {
    pub(crate) node: Node,
    pub(crate) apps: NodeClient,
    pub(crate) storage: StorageClient,
    pub(crate) app: &'static str,
    client: Client,
    workers: Arc<Mutex<StartedWorkers>>,
    accept_task: JoinHandle<()>,
    _folder: TempDir,
}

/// The worker processes that have started.
#[derive(Default)]
struct StartedWorkers {
    /// The socket of the node that the newest worker connects to.
    endpoint: Option<String>,
    replays: Vec<(JoinHandle<()>, ExpectedFrame)>,
}

impl AppNode {
    pub(crate) async fn start(settings: &AppSettings) -> Self {
        Self::start_with(settings, Node::builder()).await
    }

    pub(crate) async fn start_with(settings: &AppSettings, builder: NodeBuilder) -> Self {
        let helper = Helper::at(env!("CARGO_BIN_EXE_cocaine-node"));
        let node = builder.in_memory().listen("127.0.0.1:0").helper(helper).start().await.unwrap();
        let client = Client::new(&node.locator_addr().to_string()).unwrap();
        let (storage, apps): (StorageClient, NodeClient) = client.services().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("control");
        let listener = UnixListener::bind(&socket).unwrap();
        let workers = Arc::<Mutex<StartedWorkers>>::default();
        let accept_task = tokio::spawn(accept_workers(listener, settings.recordings, workers.clone()));
        let program = std::env::current_exe().unwrap();
        let environment = BTreeMap::from([
            (process::PROGRAM, program.display().to_string()),
            (process::CONTROL_SOCKET, socket.display().to_string()),
            (process::MODE, settings.mode.to_owned()),
        ]);
        let manifest = serde_json::json!({"slave": settings.slave, "environment": environment});
        upload(&storage, settings.app, &manifest, &settings.profile).await;
        apps.start_app(settings.app, settings.app).await.unwrap();
        Self { node, apps, storage, app: settings.app, client, workers, accept_task, _folder: folder }
    }

    /// Returns the recorded client of a service, connected.
    pub(crate) async fn peer(&self, name: &'static str) -> Peer {
        let service = Recording::read(name).service.expect("a client's recording names the service");
        Peer::new(name, self.connect(&service).await, &Substitutes::default())
    }

    /// Returns a client of the app that plays these events.
    pub(crate) async fn inline_peer(&self, name: &'static str, events: Vec<Event>) -> Peer {
        Peer::with_events(name, events, self.connect(self.app).await, &Substitutes::default())
    }

    /// Returns the recorded peer of the socket that workers connect to. A worker must have started.
    pub(crate) async fn worker_peer(&self, name: &'static str) -> Peer {
        let endpoint = self.workers.lock().unwrap().endpoint.clone().expect("a worker has started");
        Peer::new(name, UnixStream::connect(endpoint).await.unwrap(), &Substitutes::default())
    }

    async fn connect(&self, service: &str) -> TcpStream {
        TcpStream::connect(address(&self.client, service).await).await.unwrap()
    }

    /// Waits until the number at `path` in the `info` of the app satisfies `condition`.
    pub(crate) async fn wait_for_info(&self, path: &[&str], condition: impl Fn(u64) -> bool) {
        wait_until(&format!("{path:?} in the info of {}", self.app), async || {
            let info = self.apps.info(self.app, Some(1)).await.unwrap();
            let number = path.iter().try_fold(&info, |value, key| value.get(key)).and_then(Value::as_u64);
            condition(number.unwrap_or_else(|| panic!("no {path:?} in {info}")))
        })
        .await;
    }

    /// Waits until every replayed worker expects a frame with this text, or has ended.
    pub(crate) async fn wait_for_workers_expecting(&self, text: &str) {
        let expected: Vec<_> =
            self.workers.lock().unwrap().replays.iter().map(|(_, expected)| expected.clone()).collect();
        for mut frame in expected {
            frame.wait_for_text(text).await;
        }
    }

    /// Stops the app and the node. Returns the number of workers that have replayed a recording to its end.
    pub(crate) async fn shutdown(self) -> usize {
        self.wait_for_workers_expecting("overseer is shutting down").await;
        // The test may have stopped it already.
        let _ = self.apps.pause_app(self.app).await;
        let replays = std::mem::take(&mut self.workers.lock().unwrap().replays);
        let finished = replays.len();
        for (replay, _) in replays {
            replay.await.unwrap();
        }
        self.accept_task.abort();
        self.node.shutdown().await;
        finished
    }
}

/// Returns the address of a service.
pub(crate) async fn address(client: &Client, service: &str) -> SocketAddr {
    client.resolve(service, None).await.unwrap().endpoints[0].0
}

/// Accepts the worker processes. The test plays those that have a recording; the others run on their own.
async fn accept_workers(
    listener: UnixListener,
    recordings: &'static [&'static str],
    workers: Arc<Mutex<StartedWorkers>>,
) {
    let mut recordings = recordings.iter();
    loop {
        let (mut process, _) = listener.accept().await.unwrap();
        let mut args = String::new();
        process.read_to_string(&mut args).await.unwrap();
        workers.lock().unwrap().endpoint = Some(arg(&args, "--endpoint").to_owned());
        let Some(name) = recordings.next() else {
            process.write_all(process::RUN_WORKER).await.unwrap();
            continue;
        };
        let (sender, expected) = ExpectedFrame::channel();
        let replay = tokio::spawn(async move {
            WorkerReplay::connect(name, &args, sender).await.play().await;
            drop(process);
        });
        workers.lock().unwrap().replays.push((replay, expected));
    }
}

/// Stores an app and a profile of the same name.
pub(crate) async fn upload(
    storage: &StorageClient,
    app: &str,
    manifest: &impl Serialize,
    profile: &impl Serialize,
) {
    let encode = |value: Vec<u8>| Bytes::from(value);
    let blobs = [
        ("manifests", "app", encode(msgpack::to_vec(manifest).unwrap())),
        ("profiles", "profile", encode(msgpack::to_vec(profile).unwrap())),
        ("apps", "app", encode(msgpack::to_vec(&Bytes::from(archive())).unwrap())),
    ];
    for (collection, tag, blob) in blobs {
        storage.write(collection, app, &blob, Some(&[tag])).await.unwrap();
    }
}

fn archive() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(process::SCRIPT.len() as u64);
    header.set_mode(0o755);
    archive.append_data(&mut header, "run.sh", process::SCRIPT.as_bytes()).unwrap();
    archive.into_inner().unwrap()
}
