//! Events of an app: from a client through a node to a worker, which is a process of its own, and back.

use std::net::SocketAddr;

use anyhow::Result;
use cocaine::{Bytes, Client, Session, Value, Worker, msgpack};
use cocaine_bindings::{App, AppClient, Node as _, NodeClient, Storage, StorageClient};
use cocaine_node::{Node, helper::Helper};

use crate::peer::{Caller, Callers, Peer};
use crate::peers::web;
use crate::work::Work;

/// A handler that the macro made.
#[derive(Debug)]
pub struct Annotated;

/// The same by hand, on the session itself.
#[derive(Debug)]
pub struct ByHand;

/// A handler that the macro made, run on the thread of the worker's connection.
#[derive(Debug)]
pub struct Inline;

#[cocaine::worker]
async fn annotated(chunk: Bytes) -> Bytes {
    chunk
}

#[cocaine::worker(inline)]
async fn inline(chunk: Bytes) -> Bytes {
    chunk
}

async fn by_hand(mut session: Session) -> cocaine::Result<()> {
    let chunk = session.recv().await.transpose()?;
    session.finish(chunk)
}

/// Returns whether a node has started this process as its worker.
pub fn is_worker() -> bool {
    std::env::args().any(|arg| arg == "--uuid")
}

/// What the worker's process does.
pub fn work() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut worker = Worker::from_args()?;
        worker.on("by_hand", by_hand);
        web::register(&mut worker);
        worker.serve(cocaine::events![annotated, inline]).await
    })?;
    Ok(())
}

/// An event of the app, called again and again.
#[derive(Clone, Debug)]
pub struct Event {
    app: AppClient,
    name: &'static str,
}

impl Caller for Event {
    const CALLERS: Callers = Callers::Tasks;
    type Reply = Bytes;

    async fn call(&self, work: Work) -> Result<Bytes> {
        let mut event = self.app.enqueue(self.name, None).await?;
        event.send(Bytes::from(work.expected().clone())).await?;
        let mut answer = event.finish()?;
        let chunk = answer.recv().await.transpose()?.unwrap_or_default();
        anyhow::ensure!(answer.recv().await.is_none(), "more than one chunk");
        Ok(chunk)
    }
}

macro_rules! peer {
    ($peer:ty, $name:literal, $settings:literal, $event:literal) => {
        impl Peer for $peer {
            const NAME: &'static str = $name;
            const SETTINGS: &'static str = $settings;
            type Client = Event;

            async fn serve() -> Result<SocketAddr> {
                serve().await
            }

            async fn connect(server: SocketAddr) -> Result<Event> {
                let app = Client::new(&server.to_string())?.service_named("bench").await?;
                Ok(Event { app, name: $event })
            }
        }
    };
}

peer!(Annotated, "event", "a handler made by #[cocaine::worker], one worker", "annotated");
peer!(ByHand, "event, by hand", "a handler of the session, one worker", "by_hand");
peer!(Inline, "event, inline", "#[cocaine::worker(inline)], one worker", "inline");

/// Starts a node with one app, whose worker is this program.
async fn serve() -> Result<SocketAddr> {
    let node =
        Node::builder().listen("127.0.0.1:0").in_memory().helper(Helper::current_exe()).start().await?;
    let address = node.locator_addr();
    let (storage, apps): (StorageClient, NodeClient) = Client::new(&address.to_string())?.services().await?;
    upload(&storage).await?;
    apps.start_app("bench", "bench").await?;
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(node);
    });
    Ok(address)
}

/// Stores an app whose worker is this program.
pub async fn upload(storage: &StorageClient) -> Result<()> {
    let slave = std::env::current_exe()?.display().to_string();
    let manifest = Value::Map(vec![("slave".into(), slave.as_str().into())]);
    let profile = Value::Map(vec![("concurrency".into(), 1000.into()), ("pool-limit".into(), 1.into())]);
    let empty = Bytes::from(vec![0; 1024]);
    storage.write("apps", "bench", &packed(&empty)?, None).await?;
    storage.write("manifests", "bench", &packed(&manifest)?, None).await?;
    storage.write("profiles", "bench", &packed(&profile)?, None).await?;
    Ok(())
}

fn packed(value: &impl serde::Serialize) -> Result<Bytes> {
    Ok(msgpack::to_vec(value)?.into())
}
