//! Events of an app: from a client through a node to a worker process and back.

use std::net::SocketAddr;

use anyhow::Result;
use cocaine::{Bytes, Client, Session, Worker};
use cocaine_bindings::{App, AppClient};
use cocaine_node::{Node, helper::Helper};

use crate::app;
use crate::clients::{Bench, BenchClient};
use crate::payload::Payload;
use crate::peer::{Caller, Concurrency, Peer};

/// A handler made by the macro.
#[derive(Debug)]
pub struct Annotated;

/// The same handler, called by the client that `cocaine-codegen` writes.
#[derive(Debug)]
pub struct Typed;

/// A handler written by hand on a session.
#[derive(Debug)]
pub struct ByHand;

/// A handler made by the macro that runs on the thread of the worker's connection.
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

/// Registers the handler that is written by hand.
pub fn register(worker: Worker) -> Worker {
    worker.on("by_hand", by_hand)
}

/// Returns the events whose handlers the macro makes.
pub fn annotated_events() -> impl cocaine::Events {
    cocaine::events![annotated, inline]
}

async fn by_hand(mut session: Session) -> cocaine::Result<()> {
    match session.recv().await.transpose()? {
        Some(chunk) => session.finish_with(chunk),
        None => session.finish(),
    }
}

/// Calls one event of the app.
#[derive(Clone, Debug)]
pub struct Event {
    app: AppClient,
    name: &'static str,
}

impl Caller for Event {
    const CONCURRENCY: Concurrency = Concurrency::Tasks;
    type Reply = Bytes;

    async fn call(&self, payload: Payload) -> Result<Bytes> {
        let mut event = self.app.enqueue(self.name, None).await?;
        event.send(Bytes::from(payload.expected().clone())).await?;
        let mut answer = event.finish()?;
        let chunk = answer.recv().await.transpose()?.unwrap_or_default();
        anyhow::ensure!(answer.recv().await.is_none(), "more than one chunk");
        Ok(chunk)
    }
}

/// Calls the event through its generated client.
#[derive(Clone, Debug)]
pub struct TypedEvent(BenchClient);

impl Caller for TypedEvent {
    const CONCURRENCY: Concurrency = Concurrency::Tasks;
    type Reply = Bytes;

    async fn call(&self, payload: Payload) -> Result<Bytes> {
        Ok(self.0.annotated(&Bytes::from(payload.expected().clone())).await?)
    }
}

impl Peer for Typed {
    const NAME: &'static str = "event, typed";
    const SETTINGS: &'static str = "the same handler, called by its generated client";
    type Client = TypedEvent;

    async fn serve() -> Result<SocketAddr> {
        serve().await
    }

    async fn connect(server: SocketAddr) -> Result<TypedEvent> {
        Ok(TypedEvent(Client::new(&server.to_string())?.service_named(app::NAME).await?))
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
                let app = Client::new(&server.to_string())?.service_named(app::NAME).await?;
                Ok(Event { app, name: $event })
            }
        }
    };
}

peer!(Annotated, "event", "a handler made by #[cocaine::worker], one worker", "annotated");
peer!(ByHand, "event, by hand", "a handler of the session, one worker", "by_hand");
peer!(Inline, "event, inline", "#[cocaine::worker(inline)], one worker", "inline");

/// Starts a node with the benchmark's app.
async fn serve() -> Result<SocketAddr> {
    let node = Node::builder().listen("127.0.0.1:0").in_memory().helper(Helper::current_exe());
    let node = node.start().await?;
    let address = node.locator_addr();
    app::start(&Client::new(&address.to_string())?).await?;
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(node);
    });
    Ok(address)
}
