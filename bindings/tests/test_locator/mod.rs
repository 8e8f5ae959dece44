//! A locator in the process of the test.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use cocaine::{
    Client, Code, Endpoint, Error, ReplySender, Result, Sender, ServiceClient, ServiceInfo, Stream,
    graph::Graph, server::Server,
};
use cocaine_bindings::{
    LocatorServer, ServeLocator,
    locator::{PublishReceived, PublishReceiver, RoutingReceived, RoutingReceiver},
};

/// A locator of the services that a test registers.
#[derive(Clone, Default)]
pub(crate) struct TestLocator(Arc<Mutex<BTreeMap<String, ServiceInfo>>>);

impl TestLocator {
    /// Registers a service that announces what its bindings were written for.
    pub(crate) fn add<S: ServiceClient>(&self, name: &str, address: SocketAddr) {
        self.announce(name, address, S::SPEC.graph(), S::SPEC.version);
    }

    /// Registers a service that announces this graph and version.
    pub(crate) fn announce(&self, name: &str, address: SocketAddr, graph: Graph, version: u64) {
        self.insert(name, ServiceInfo { endpoints: vec![Endpoint(address)], version, graph });
    }

    /// Registers what the locator answers for this name.
    pub(crate) fn insert(&self, name: &str, resolved: ServiceInfo) {
        self.0.lock().unwrap().insert(name.to_owned(), resolved);
    }

    /// Starts the locator.
    pub(crate) async fn serve(&self, address: impl tokio::net::ToSocketAddrs) -> Server {
        let names = self.clone();
        Server::bind(address, ServeLocator::new(move |_| names.clone())).await.unwrap()
    }
}

/// Starts a locator that knows one service.
pub(crate) async fn locator_of<S: ServiceClient>(server: &Server) -> Server {
    let names = TestLocator::default();
    names.add::<S>(S::SPEC.name, server.local_addr());
    names.serve("127.0.0.1:0").await
}

/// Returns a client of a locator that knows one service.
pub(crate) async fn cloud<S: ServiceClient>(server: &Server) -> (Client, Server) {
    let locator = locator_of::<S>(server).await;
    (Client::new(&locator.local_addr().to_string()).unwrap(), locator)
}

impl LocatorServer for TestLocator {
    async fn resolve(&self, name: &str, _: Option<&str>) -> Result<ServiceInfo> {
        let found = self.0.lock().unwrap().get(name).cloned();
        found.ok_or_else(|| Error::service(Code::SERVICE_NOT_AVAILABLE, "service is not available"))
    }

    fn connect(
        &self,
        uuid: &str,
    ) -> impl Stream<Item = Result<(String, BTreeMap<String, ServiceInfo>)>> + Send + 'static + use<> {
        let uuid = uuid.to_owned();
        futures_util::stream::iter((0..3).map(move |_| Ok((uuid.clone(), BTreeMap::new()))))
    }

    async fn refresh(&self, _: &[&str]) -> Result<()> {
        Ok(())
    }

    async fn cluster(&self) -> Result<BTreeMap<String, Endpoint>> {
        Ok(BTreeMap::new())
    }

    async fn publish(
        &self,
        name: &str,
        endpoints: &[Endpoint],
        _: Option<(u64, Graph)>,
        input: PublishReceiver,
        output: ReplySender<()>,
    ) -> Result<()> {
        if name == "taken" {
            return Err(Error::service(Code::DUPLICATE_SERVICE, "taken"));
        }
        self.announce(name, endpoints[0].0, Graph::default(), 0);
        output.send(())?;
        let ended = input.recv().await;
        self.0.lock().unwrap().remove(name);
        let PublishReceived::Discard = ended?;
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
