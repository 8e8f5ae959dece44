//! A node with apps.

use std::{collections::BTreeMap, time::Duration};

use cocaine::{Bytes, Client, Duplex, Error, Receiver, Result, Sender, Value, msgpack};
use cocaine_bindings::{App, AppClient, Node as _, NodeClient, Storage, StorageClient};
use cocaine_node::{Node, NodeBuilder, helper::Helper};
use serde::Serialize;
use tokio::time::timeout;

use crate::worker;

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Cloud<N = Node> {
    pub(crate) node: N,
    pub(crate) client: Client,
    pub(crate) storage: StorageClient,
    pub(crate) apps: NodeClient,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        Self::with(Node::builder().in_memory()).await
    }

    pub(crate) async fn with(builder: NodeBuilder) -> Self {
        Self::listening(builder.listen("127.0.0.1:0")).await
    }

    /// Starts a node that listens where `builder` says.
    pub(crate) async fn listening(builder: NodeBuilder) -> Self {
        let helper = Helper::at(env!("CARGO_BIN_EXE_cocaine-node"));
        let node = builder.helper(helper).start().await.unwrap();
        let client = Client::new(&node.locator_addr().to_string()).unwrap();
        let Cloud { client, storage, apps, .. } = Cloud::of(client).await;
        Self { node, client, storage, apps }
    }
}

impl Cloud<()> {
    /// Returns the cloud of a node in another process.
    pub(crate) async fn of(client: Client) -> Self {
        let (storage, apps) = client.services().await.unwrap();
        Self { node: (), client, storage, apps }
    }
}

impl<N> Cloud<N> {
    /// Uploads an app with workers of this mode, and a profile of the same name.
    pub(crate) async fn upload(&self, app: &str, mode: &str, profile: impl Serialize) {
        let program = std::env::current_exe().unwrap().display().to_string();
        let environment = BTreeMap::from([(worker::PROGRAM, program), (worker::MODE, mode.to_owned())]);
        let manifest = (("slave", "run.sh"), ("environment", environment));
        let manifest = BTreeMap::from([
            (manifest.0.0, Value::from(manifest.0.1)),
            (manifest.1.0, msgpack::from_slice(&msgpack::to_vec(&manifest.1.1).unwrap()).unwrap()),
        ]);
        self.store("manifests", app, &manifest, "app").await;
        self.store("profiles", app, &profile, "profile").await;
        self.store("apps", app, &Bytes::from(archive()), "app").await;
    }

    async fn store(&self, collection: &str, key: &str, value: &impl Serialize, tag: &str) {
        let blob = Bytes::from(msgpack::to_vec(value).unwrap());
        self.storage.write(collection, key, &blob, Some(&[tag])).await.unwrap();
    }

    /// Uploads an app and starts it.
    pub(crate) async fn run(&self, app: &str, mode: &str, profile: impl Serialize) -> AppClient {
        self.upload(app, mode, profile).await;
        self.apps.start_app(app, app).await.unwrap();
        self.client.service_named(app).await.unwrap()
    }

    /// Returns the answer to `info`.
    pub(crate) async fn info(&self, app: &str) -> Value {
        self.apps.info(app, Some(1)).await.unwrap()
    }

    /// Waits until the answer to `info` satisfies a condition.
    pub(crate) async fn until(&self, app: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let poll = async {
            loop {
                let info = self.info(app).await;
                if wanted(&info) {
                    return info;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let found = timeout(PATIENCE, poll).await.ok();
        match found {
            Some(info) => info,
            None => panic!("still {}", self.info(app).await),
        }
    }

    pub(crate) async fn crashlogs(&self, app: &str) -> Vec<String> {
        let keys = self.storage.find("crashlogs", &[app]).await.unwrap();
        let mut logs = Vec::new();
        for key in keys {
            let blob = self.storage.read("crashlogs", &key).await.unwrap();
            let lines: Vec<String> = msgpack::from_slice(&blob).unwrap();
            logs.push(lines.join("\n"));
        }
        logs
    }
}

/// Returns the number at a path of keys.
pub(crate) fn number(info: &Value, path: &[&str]) -> i64 {
    let found = path.iter().try_fold(info, |value, key| value.get(key));
    found.and_then(Value::as_i64).unwrap_or_else(|| panic!("no number at {path:?} in {info}"))
}

/// Enqueues an event with one chunk, and returns the joined chunks of the reply.
pub(crate) async fn call(app: &AppClient, event: &str, chunk: &str) -> Result<String> {
    finish(open(app, event, chunk).await?).await
}

/// Enqueues an event with one chunk, and returns the open channel.
pub(crate) async fn open(
    app: &AppClient,
    event: &str,
    chunk: &str,
) -> Result<Duplex<Sender<Bytes>, Receiver<Bytes>>> {
    let mut channel = app.enqueue(event, None).await?;
    channel.send(chunk).await?;
    Ok(channel)
}

/// Closes the client's side and reads the reply to its end.
pub(crate) async fn finish(channel: Duplex<Sender<Bytes>, Receiver<Bytes>>) -> Result<String> {
    let mut answer = channel.finish()?;
    let read = async {
        let mut text = String::new();
        while let Some(chunk) = answer.recv().await {
            text += chunk?.as_str().expect("a text");
        }
        Ok(text)
    };
    timeout(PATIENCE, read).await.expect("an answer in time")
}

/// Returns category and code of a service's error.
pub(crate) fn code(error: &Error) -> (i64, i64) {
    let code = error.code().expect("a code");
    (code.category.0, code.code)
}

fn archive() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(worker::SCRIPT.len() as u64);
    header.set_mode(0o755);
    archive.append_data(&mut header, "run.sh", worker::SCRIPT.as_bytes()).unwrap();
    archive.into_inner().unwrap()
}
