//! The generated client against the generated server, around a storage that lives in memory.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use cocaine::{
    Bytes, Client, Code, Endpoint, Error, Graph, ReplySender, Result, Sender, ServiceClient, ServiceInfo,
    Stream, server::Server,
};
use cocaine_bindings::{
    LocatorServer, ServeLocator, ServeStorage, Storage, StorageClient,
    locator::{PublishReceived, PublishReceiver, RoutingReceived, RoutingReceiver},
};

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<(String, String), Bytes>>>);

impl Storage for Memory {
    async fn read(&self, collection: &str, key: &str) -> Result<Bytes> {
        let blobs = self.0.lock().unwrap();
        let found = blobs.get(&(collection.to_owned(), key.to_owned())).cloned();
        found.ok_or_else(|| Error::service(Code::NOT_FOUND, "No such file or directory"))
    }

    async fn write(&self, collection: &str, key: &str, blob: &Bytes, _: Option<&[&str]>) -> Result<()> {
        self.0.lock().unwrap().insert((collection.to_owned(), key.to_owned()), blob.clone());
        Ok(())
    }

    async fn remove(&self, collection: &str, key: &str) -> Result<()> {
        self.0.lock().unwrap().remove(&(collection.to_owned(), key.to_owned()));
        Ok(())
    }

    async fn find(&self, _: &str, tags: &[&str]) -> Result<Vec<String>> {
        Ok(tags.iter().map(ToString::to_string).collect())
    }
}

/// A locator that knows one service.
#[derive(Clone)]
struct OneService(SocketAddr);

impl LocatorServer for OneService {
    async fn resolve(&self, name: &str, _: Option<&str>) -> Result<ServiceInfo> {
        if name != "storage" {
            return Err(Error::service(Code::SERVICE_NOT_AVAILABLE, "service is not available"));
        }
        let graph = <StorageClient as ServiceClient>::SPEC.graph();
        Ok(ServiceInfo { endpoints: vec![Endpoint(self.0)], version: 1, graph })
    }

    fn connect(
        &self,
        uuid: &str,
    ) -> impl Stream<Item = Result<(String, BTreeMap<String, ServiceInfo>)>> + Send + 'static + use<> {
        let uuid = uuid.to_owned();
        futures_util::stream::iter((0..3).map(move |_| Ok((uuid.clone(), BTreeMap::new()))))
    }

    async fn refresh(&self, groups: &[&str]) -> Result<()> {
        assert_eq!(groups, ["a", "b"]);
        Ok(())
    }

    async fn cluster(&self) -> Result<BTreeMap<String, Endpoint>> {
        Ok([("uuid".to_owned(), Endpoint(self.0))].into())
    }

    async fn publish(
        &self,
        name: &str,
        _: &[Endpoint],
        _: Option<(u32, Graph)>,
        input: PublishReceiver,
        output: ReplySender<()>,
    ) -> Result<()> {
        if name == "taken" {
            return Err(Error::service(Code::DUPLICATE_SERVICE, "taken"));
        }
        output.send(())?;
        let PublishReceived::Discard = input.recv().await?;
        Ok(())
    }

    async fn routing(
        &self,
        router: &str,
        input: RoutingReceiver,
        mut output: Sender<BTreeMap<String, Vec<(u32, String)>>>,
    ) -> Result<()> {
        output.send([(router.to_owned(), vec![(1, "member".to_owned())])]).await?;
        let RoutingReceived::Discard = input.recv().await?;
        output.finish()
    }

    async fn uuid(&self) -> Result<String> {
        Ok("uuid".to_owned())
    }
}

async fn cloud() -> (Client, Server, Server) {
    let memory = Memory::default();
    let storage = Server::bind("127.0.0.1:0", ServeStorage::new(move |_| memory.clone())).await.unwrap();
    let known = OneService(storage.local_addr());
    let locator = Server::bind("127.0.0.1:0", ServeLocator::new(move |_| known.clone())).await.unwrap();
    (Client::new(&locator.local_addr().to_string()).unwrap(), locator, storage)
}

#[tokio::test]
async fn what_is_written_is_read() {
    let (client, _locator, _storage) = cloud().await;
    let storage = client.service::<StorageClient>().await.unwrap();
    for size in [0, 5, 5000, 20_000, 3_000_000] {
        let blob = Bytes::from(vec![7; size]);
        storage.write("c", "k", &blob, Some(&["a"])).await.unwrap();
        assert_eq!(storage.read("c", "k").await.unwrap(), blob, "{size} bytes");
    }
    assert_eq!(storage.find("c", &["x", "y"]).await.unwrap(), ["x", "y"]);
    storage.remove("c", "k").await.unwrap();
    let error = storage.read("c", "k").await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NOT_FOUND));
    assert_eq!((error.service_name(), error.method()), (Some("storage"), Some("read")));
}

#[tokio::test]
async fn an_untyped_call_finds_the_method_by_its_name() {
    let (client, _locator, _storage) = cloud().await;
    let storage = client.dynamic("storage").await.unwrap();
    let keys: Vec<String> = storage.call("find", ("c", ["app"])).await.unwrap();
    assert_eq!(keys, ["app"]);
    let error = storage.call::<_, ()>("sweep", ()).await.unwrap_err().to_string();
    assert!(error.contains("only read, write, remove, find"), "{error}");
}
