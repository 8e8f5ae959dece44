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
pub(crate) struct TestLocator(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    services: BTreeMap<String, ServiceInfo>,
    /// What `connect` answers.
    nodes: Vec<(String, BTreeMap<String, ServiceInfo>)>,
    /// The names of those who called `connect`.
    connected: Vec<String>,
}

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
        self.0.lock().unwrap().services.insert(name.to_owned(), resolved);
    }

    /// Registers a node of the cluster with these services.
    pub(crate) fn add_node(&self, name: &str, services: BTreeMap<String, ServiceInfo>) {
        self.0.lock().unwrap().nodes.push((name.to_owned(), services));
    }

    /// Returns the names of those who have asked for the nodes.
    pub(crate) fn connected(&self) -> Vec<String> {
        self.0.lock().unwrap().connected.clone()
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
        let found = self.0.lock().unwrap().services.get(name).cloned();
        found.ok_or_else(|| Error::service(Code::SERVICE_NOT_AVAILABLE, "service is not available"))
    }

    fn connect(
        &self,
        uuid: &str,
    ) -> impl Stream<Item = Result<(String, BTreeMap<String, ServiceInfo>)>> + Send + 'static + use<> {
        let mut state = self.0.lock().unwrap();
        state.connected.push(uuid.to_owned());
        futures_util::stream::iter(state.nodes.clone().into_iter().map(Ok))
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
        self.0.lock().unwrap().services.remove(name);
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
