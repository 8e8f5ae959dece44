//! A cloud in front of another one, whose storage fails when a test says so.

use std::{
    collections::BTreeMap,
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use cocaine::{
    Bytes, Code, Endpoint, Error, ReplySender, Result, Sender, ServiceInfo, Stream,
    graph::Graph,
    server::{Dispatch as _, Server},
};
use cocaine_bindings::{
    Locator as _, LocatorClient, LocatorServer, ServeLocator, ServeStorage, Storage, StorageClient,
    locator::{PublishReceiver, RoutingReceiver},
};
use cocaine_test::Cloud;
use test_support::wait::wait_for;
use tokio::sync::Notify;

/// What happens to a write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing is written, since the disk is full.
    Refused,
    /// A part is written.
    Torn,
    /// Nothing is written, and no answer comes.
    Never,
}

/// The cloud of these tests. All but its storage is that of another cloud.
pub(crate) struct FaultyCloud {
    storage: FaultyStorage,
    server: Server,
    locator: Server,
}

impl FaultyCloud {
    pub(crate) async fn start(cloud: &Cloud) -> Self {
        let (storage, locator): (StorageClient, LocatorClient) = cloud.client().services().await.unwrap();
        let storage = FaultyStorage { storage, faults: Arc::default(), reached: Arc::default() };
        let server = storage.serve("127.0.0.1:0".parse().unwrap()).await;
        let serve = ServeStorage::new({
            let storage = storage.clone();
            move |_| storage.clone()
        });
        let (address, graph) = (server.local_addr(), serve.spec().graph());
        let info = ServiceInfo { endpoints: vec![Endpoint(address)], version: 1, graph };
        let names = FaultyLocator { storage: info, locator };
        let locator = Server::bind("127.0.0.1:0", ServeLocator::new(move |_| names.clone())).await.unwrap();
        Self { storage, server, locator }
    }

    pub(crate) fn locator(&self) -> String {
        self.locator.local_addr().to_string()
    }

    /// Lets a write fail, by its number from now.
    pub(crate) fn fail(&self, write: usize, fault: Fault) {
        *self.storage.faults.lock().unwrap() = Some((write, fault));
    }

    /// Waits until the write has come that fails.
    pub(crate) async fn reached(&self) {
        self.storage.reached.notified().await;
    }

    /// Closes all connections of the storage, and serves it again.
    pub(crate) async fn restart(self) -> Self {
        let Self { storage, server, locator } = self;
        let address = server.local_addr();
        drop(server);
        let server = storage.serve(address).await;
        Self { storage, server, locator }
    }
}

#[derive(Clone)]
struct FaultyStorage {
    storage: StorageClient,
    faults: Arc<Mutex<Option<(usize, Fault)>>>,
    reached: Arc<Notify>,
}

impl FaultyStorage {
    /// Serves the storage. The address may still be in use for a moment.
    async fn serve(&self, address: SocketAddr) -> Server {
        wait_for("the address of the storage is free", async || {
            let storage = self.clone();
            Server::bind(address, ServeStorage::new(move |_| storage.clone())).await.ok()
        })
        .await
    }

    /// Counts a write, and returns what happens to it.
    fn next_fault(&self) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let (count, fault) = faults.as_mut()?;
        *count -= 1;
        if *count > 0 {
            return None;
        }
        let fault = *fault;
        *faults = None;
        self.reached.notify_one();
        Some(fault)
    }
}

impl Storage for FaultyStorage {
    async fn read(&self, collection: &str, key: &str) -> Result<Bytes> {
        self.storage.read(collection, key).await
    }

    async fn write(&self, collection: &str, key: &str, blob: &Bytes, tags: Option<&[&str]>) -> Result<()> {
        match self.next_fault() {
            None => self.storage.write(collection, key, blob, tags).await,
            Some(Fault::Refused) => Err(Error::service(Code::NOT_SUPPORTED, "No space left on device")),
            Some(Fault::Torn) => {
                let part = Bytes::from(&blob[..blob.len() / 2]);
                self.storage.write(collection, key, &part, tags).await
            }
            Some(Fault::Never) => pending().await,
        }
    }

    async fn remove(&self, collection: &str, key: &str) -> Result<()> {
        self.storage.remove(collection, key).await
    }

    async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>> {
        self.storage.find(collection, tags).await
    }
}

#[derive(Clone)]
struct FaultyLocator {
    storage: ServiceInfo,
    locator: LocatorClient,
}

impl LocatorServer for FaultyLocator {
    async fn resolve(&self, name: &str, seed: Option<&str>) -> Result<ServiceInfo> {
        if name == "storage" { Ok(self.storage.clone()) } else { self.locator.resolve(name, seed).await }
    }

    fn connect(
        &self,
        _uuid: &str,
    ) -> impl Stream<Item = Result<(String, BTreeMap<String, ServiceInfo>)>> + Send + 'static + use<> {
        futures_util::stream::pending()
    }

    async fn refresh(&self, _groups: &[&str]) -> Result<()> {
        Ok(())
    }

    async fn cluster(&self) -> Result<BTreeMap<String, Endpoint>> {
        Ok(BTreeMap::new())
    }

    async fn publish(
        &self,
        _name: &str,
        _endpoints: &[Endpoint],
        _metadata: Option<(u64, Graph)>,
        _input: PublishReceiver,
        _output: ReplySender<()>,
    ) -> Result<()> {
        Ok(())
    }

    async fn routing(
        &self,
        _router: &str,
        _input: RoutingReceiver,
        _output: Sender<BTreeMap<String, Vec<(u32, String)>>>,
    ) -> Result<()> {
        Ok(())
    }

    async fn uuid(&self) -> Result<String> {
        Ok("test".into())
    }
}
