//! A locator that knows what it is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use cocaine::{
    Code, Endpoint, Error, Graph, ReplySender, Result, Sender, ServiceInfo, Stream,
    server::{Dispatch, Server},
};
use cocaine_bindings::{
    LocatorServer, ServeLocator,
    locator::{PublishReceiver, RoutingReceiver},
};

/// Services by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Arc<Mutex<BTreeMap<String, ServiceInfo>>>);

impl Names {
    /// Starts the locator, which knows itself.
    pub(crate) async fn serve(&self) -> Server {
        let names = self.clone();
        let locate = ServeLocator::new(move |_| names.clone());
        let graph = locate.spec().graph();
        let server = Server::bind("127.0.0.1:0", locate).await.unwrap();
        self.tell("locator", at(&server, graph));
        server
    }

    /// Makes a service known.
    pub(crate) fn tell(&self, name: &str, service: ServiceInfo) {
        self.0.lock().unwrap().insert(name.into(), service);
    }

    /// Makes a service unknown.
    pub(crate) fn forget(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }

    /// Makes a known service known under another name too.
    pub(crate) fn alias(&self, name: &str, known: &str) {
        let service = self.0.lock().unwrap()[known].clone();
        self.tell(name, service);
    }
}

/// Returns what a locator says of a service.
pub(crate) fn at(server: &Server, graph: Graph) -> ServiceInfo {
    ServiceInfo { endpoints: vec![Endpoint(server.local_addr())], version: 1, graph }
}

impl LocatorServer for Names {
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
        _metadata: Option<(u32, Graph)>,
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
