//! The framework itself against an in-memory storage: `Cocaine` calls through the generated trait, `Dynamic` by name.

use std::net::SocketAddr;

use anyhow::Result;
use cocaine::bind::{Call, Dispatch, MethodSpec, OnDrop, ServiceSpec, TreeSpec};
use cocaine::server::Server;
use cocaine::{Bytes, Client, Code, Endpoint, Error, Service, ServiceClient, ServiceInfo};
use cocaine_bindings::{ServeStorage, Storage, StorageClient};

use crate::payload::{self, Payload};
use crate::peer::{Caller, Concurrency, Peer};

/// Typed calls through `StorageClient`.
#[derive(Debug)]
pub struct Cocaine;

/// Untyped calls by the name of the method.
#[derive(Debug)]
pub struct Dynamic;

impl Peer for Cocaine {
    const NAME: &'static str = "cocaine";
    const SETTINGS: &'static str = "StorageClient against ServeStorage, default settings";
    type Client = StorageClient;

    async fn serve() -> Result<SocketAddr> {
        serve().await
    }

    async fn connect(server: SocketAddr) -> Result<StorageClient> {
        Ok(Client::new(&server.to_string())?.service().await?)
    }
}

impl Peer for Dynamic {
    const NAME: &'static str = "cocaine, dynamic";
    const SETTINGS: &'static str = "Service::call by the method's name, default settings";
    type Client = Service;

    async fn serve() -> Result<SocketAddr> {
        serve().await
    }

    async fn connect(server: SocketAddr) -> Result<Service> {
        Ok(Client::new(&server.to_string())?.dynamic("storage").await?)
    }
}

/// Serves the storage and a locator that resolves it. Returns the address of the locator.
async fn serve() -> Result<SocketAddr> {
    let storage = Server::bind("127.0.0.1:0", ServeStorage::new(|_| Memory)).await?;
    let locator = Server::bind("127.0.0.1:0", Locator(storage.local_addr())).await?;
    let address = locator.local_addr();
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop((storage, locator));
    });
    Ok(address)
}

struct Memory;

impl Storage for Memory {
    async fn read(&self, collection: &str, key: &str) -> cocaine::Result<Bytes> {
        match payload::read(collection, key) {
            Some(blob) => Ok(Bytes::from(blob)),
            None => Err(Error::service(Code::NOT_FOUND, "no such blob")),
        }
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> cocaine::Result<()> {
        Err(Error::unbound())
    }

    async fn remove(&self, _: &str, _: &str) -> cocaine::Result<()> {
        Err(Error::unbound())
    }

    async fn find(&self, _: &str, _: &[&str]) -> cocaine::Result<Vec<String>> {
        Err(Error::unbound())
    }
}

/// A locator with one method, which resolves one service.
struct Locator(SocketAddr);

impl Dispatch for Locator {
    fn spec(&self) -> &'static ServiceSpec {
        &ServiceSpec {
            name: "locator",
            version: 3,
            methods: &[MethodSpec {
                id: 0,
                name: "resolve",
                dispatch: TreeSpec::END,
                upstream: TreeSpec::PRIMITIVE,
                on_drop: OnDrop::Terminal,
            }],
        }
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<> {
        let spec = StorageClient::SPEC;
        let endpoints = vec![Endpoint(self.0)];
        let resolved = ServiceInfo { endpoints, version: spec.version, graph: spec.graph() };
        let (_, answer) = call.split();
        answer.primitive(Ok(resolved));
        std::future::ready(())
    }
}

impl Caller for StorageClient {
    const CONCURRENCY: Concurrency = Concurrency::Tasks;
    type Reply = Bytes;

    async fn call(&self, payload: Payload) -> Result<Bytes> {
        let (collection, key) = payload.args();
        Ok(self.read(collection, key).await?)
    }
}

impl Caller for Service {
    const CONCURRENCY: Concurrency = Concurrency::OneTask;
    type Reply = Bytes;

    async fn call(&self, payload: Payload) -> Result<Bytes> {
        Ok(Self::call(self, "read", payload.args()).await?)
    }
}
