//! A locator with a table of services that the test sets.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use cocaine::{
    Code, Endpoint, Error, ReplySender, Result, Sender, ServiceInfo, Stream,
    graph::Graph,
    server::{Dispatch, Server},
};
use cocaine_bindings::{
    LocatorServer, ServeLocator,
    locator::{PublishReceiver, RoutingReceiver},
};

/// A locator, and its services by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeLocator(Arc<Mutex<BTreeMap<String, ServiceInfo>>>);

impl FakeLocator {
    /// Starts the locator, which also resolves itself.
    pub(crate) async fn serve(&self) -> Server {
        let names = self.clone();
        let locate = ServeLocator::new(move |_| names.clone());
        let graph = locate.spec().graph();
        let server = Server::bind("127.0.0.1:0", locate).await.unwrap();
        self.add("locator", resolved_at(&server, graph));
        server
    }

    /// Adds a service.
    pub(crate) fn add(&self, name: &str, service: ServiceInfo) {
        self.0.lock().unwrap().insert(name.into(), service);
    }

    /// Removes a service.
    pub(crate) fn remove(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }

    /// Adds another name of a service.
    pub(crate) fn alias(&self, name: &str, known: &str) {
        let service = self.0.lock().unwrap()[known].clone();
        self.add(name, service);
    }
}

/// Returns the entry of a service.
pub(crate) fn resolved_at(server: &Server, graph: Graph) -> ServiceInfo {
    ServiceInfo { endpoints: vec![Endpoint(server.local_addr())], version: 1, graph }
}

impl LocatorServer for FakeLocator {
    async fn resolve(&self, name: &str, _seed: Option<&str>) -> Result<ServiceInfo> {
        let known = self.0.lock().unwrap().get(name).cloned();
        known.ok_or_else(|| Error::service(Code::SERVICE_NOT_AVAILABLE, "service is not available"))
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
