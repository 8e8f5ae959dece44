//! A node that runs one app, its clients, and its workers.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use cocaine::{Bytes, Client, Value, msgpack};
use cocaine_bindings::{Node as _, NodeClient, Storage, StorageClient};
use cocaine_node::{Node, NodeBuilder, helper::Helper};
use serde::Serialize;
use serde_json::Value as Json;
use tempfile::TempDir;
use test_support::recording::{Event, Recording};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    expected::Substitutes,
    peer::{PATIENCE, Peer},
    process::{self, arg},
    worker_replay::{Script, Waits},
};

/// What an app is run with.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) app: &'static str,
    pub(crate) profile: Json,
    /// How its worker processes differ from others (`process.rs`).
    pub(crate) mode: &'static str,
    /// The recordings that its workers play, in the order in which they are started; further ones behave.
    pub(crate) scripts: &'static [&'static str],
    /// The manifest's `slave`.
    pub(crate) slave: &'static str,
}

pub(crate) struct Stage {
    pub(crate) node: Node,
    pub(crate) apps: NodeClient,
    pub(crate) storage: StorageClient,
    pub(crate) app: &'static str,
    client: Client,
    started: Arc<Mutex<Started>>,
    accepting: JoinHandle<()>,
    _folder: TempDir,
}

#[derive(Default)]
struct Started {
    endpoint: Option<String>,
    scripts: Vec<(JoinHandle<()>, Waits)>,
}

impl Stage {
    pub(crate) async fn open(setting: &Setting) -> Self {
        Self::with(setting, Node::builder()).await
    }

    pub(crate) async fn with(setting: &Setting, builder: NodeBuilder) -> Self {
        let helper = Helper::at(env!("CARGO_BIN_EXE_cocaine-node"));
        let node = builder.in_memory().listen("127.0.0.1:0").helper(helper).start().await.unwrap();
        let client = Client::new(&node.locator_addr().to_string()).unwrap();
        let (storage, apps): (StorageClient, NodeClient) = client.services().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("stage");
        let listener = UnixListener::bind(&socket).unwrap();
        let started = Arc::<Mutex<Started>>::default();
        let accepting = tokio::spawn(accept(listener, setting.scripts, started.clone()));
        let program = std::env::current_exe().unwrap();
        let environment = BTreeMap::from([
            (process::PROGRAM, program.display().to_string()),
            (process::STAGE, socket.display().to_string()),
            (process::MODE, setting.mode.to_owned()),
        ]);
        let manifest = serde_json::json!({"slave": setting.slave, "environment": environment});
        upload(&storage, setting.app, &manifest, &setting.profile).await;
        apps.start_app(setting.app, setting.app).await.unwrap();
        Self { node, apps, storage, app: setting.app, client, started, accepting, _folder: folder }
    }

    /// Returns the recorded client of a service.
    pub(crate) async fn peer(&self, name: &'static str) -> Peer {
        let service = Recording::read(name).service.expect("a client's recording names the service");
        Peer::new(name, self.connect(&service).await, &Substitutes::default())
    }

    /// Returns a client of the app that plays what no file holds.
    pub(crate) async fn own_peer(&self, name: &'static str, events: Vec<Event>) -> Peer {
        Peer::of(name, events, self.connect(self.app).await, &Substitutes::default())
    }

    /// Returns the recorded peer of the socket where the workers connect, which one of them must have done.
    pub(crate) async fn worker_peer(&self, name: &'static str) -> Peer {
        let endpoint = self.started.lock().unwrap().endpoint.clone().expect("a worker");
        Peer::new(name, UnixStream::connect(endpoint).await.unwrap(), &Substitutes::default())
    }

    async fn connect(&self, service: &str) -> TcpStream {
        TcpStream::connect(address(&self.client, service).await).await.unwrap()
    }

    /// Waits until a number that `info` tells of the app is as wanted.
    pub(crate) async fn until(&self, path: &[&str], wanted: impl Fn(u64) -> bool) {
        let poll = async {
            loop {
                let info = self.apps.info(self.app, Some(1)).await.unwrap();
                let found = path.iter().try_fold(&info, |value, key| value.get(key)).and_then(Value::as_u64);
                if wanted(found.unwrap_or_else(|| panic!("no {path:?} in {info}"))) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("{}: {path:?} is not as wanted", self.app));
    }

    /// Returns once all recorded workers wait for a frame with this text, or have ended.
    pub(crate) async fn awaited(&self, text: &str) {
        let scripts: Vec<_> =
            self.started.lock().unwrap().scripts.iter().map(|(_, waits)| waits.clone()).collect();
        for mut waits in scripts {
            waits.text(text).await;
        }
    }

    /// Stops the app and the node, and returns how many workers have played a recording to its end.
    pub(crate) async fn close(self) -> usize {
        self.awaited("overseer is shutting down").await;
        // It may have been stopped.
        let _ = self.apps.pause_app(self.app).await;
        let scripts = std::mem::take(&mut self.started.lock().unwrap().scripts);
        let played = scripts.len();
        for (script, _) in scripts {
            script.await.unwrap();
        }
        self.accepting.abort();
        self.node.shutdown().await;
        played
    }
}

/// Returns where a service listens.
pub(crate) async fn address(client: &Client, service: &str) -> SocketAddr {
    client.resolve(service, None).await.unwrap().endpoints[0].0
}

/// Awaits the processes of workers: those that have a recording leave it to the test to speak, others behave.
async fn accept(listener: UnixListener, scripts: &'static [&'static str], started: Arc<Mutex<Started>>) {
    let mut scripts = scripts.iter();
    loop {
        let (mut process, _) = listener.accept().await.unwrap();
        let mut args = String::new();
        process.read_to_string(&mut args).await.unwrap();
        started.lock().unwrap().endpoint = Some(arg(&args, "--endpoint").to_owned());
        let Some(name) = scripts.next() else {
            process.write_all(process::BEHAVE).await.unwrap();
            continue;
        };
        let (sender, waits) = Waits::new();
        let script = tokio::spawn(async move {
            Script::connect(name, &args, sender).await.play().await;
            drop(process);
        });
        started.lock().unwrap().scripts.push((script, waits));
    }
}

/// Stores an app under its name, with a profile of the same name.
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
