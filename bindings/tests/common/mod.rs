//! A cloud in the test's own process: a locator that knows what it is told, and a socket that speaks by script.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use cocaine::{
    Client, Code, Endpoint, Error, Graph, ReplySender, Result, Sender, ServiceClient, ServiceInfo, Stream,
    server::Server,
};
use cocaine_bindings::{
    LocatorServer, ServeLocator,
    locator::{PublishReceived, PublishReceiver, RoutingReceived, RoutingReceiver},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long anything may take before it counts as hanging.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A locator that knows the services that it was told.
#[derive(Clone, Default)]
pub(crate) struct Names(Arc<Mutex<BTreeMap<String, ServiceInfo>>>);

impl Names {
    /// Tells it where a service with these bindings is.
    pub(crate) fn add<S: ServiceClient>(&self, name: &str, address: SocketAddr) {
        self.announce(name, address, S::SPEC.graph(), S::SPEC.version);
    }

    pub(crate) fn announce(&self, name: &str, address: SocketAddr, graph: Graph, version: u64) {
        self.tell(name, ServiceInfo { endpoints: vec![Endpoint(address)], version, graph });
    }

    pub(crate) fn tell(&self, name: &str, resolved: ServiceInfo) {
        self.0.lock().unwrap().insert(name.to_owned(), resolved);
    }

    pub(crate) async fn serve(&self, address: impl tokio::net::ToSocketAddrs) -> Server {
        let names = self.clone();
        Server::bind(address, ServeLocator::new(move |_| names.clone())).await.unwrap()
    }
}

/// Returns a client of a locator that knows one service.
pub(crate) async fn cloud<S: ServiceClient>(server: &Server) -> (Client, Server) {
    let names = Names::default();
    names.add::<S>(S::SPEC.name, server.local_addr());
    let locator = names.serve("127.0.0.1:0").await;
    (Client::new(&locator.local_addr().to_string()).unwrap(), locator)
}

impl LocatorServer for Names {
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
        _: Option<(u32, Graph)>,
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

/// A socket whose bytes are written and read by hand.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Fails unless exactly these bytes come next.
    pub(crate) async fn expect(&mut self, wanted: &[u8]) {
        let mut got = vec![0; wanted.len()];
        timeout(LONG, self.0.read_exact(&mut got)).await.expect("more bytes").unwrap();
        assert_eq!(got, wanted);
    }

    /// Fails unless the connection ends with nothing more to read.
    pub(crate) async fn expect_end(&mut self) {
        let mut byte = [0];
        let read = timeout(LONG, self.0.read(&mut byte)).await.expect("the end of the connection");
        assert!(!matches!(read, Ok(1)), "a frame instead of the end: {byte:x?}");
    }

    /// Fails unless a control `ping` on this channel is answered next.
    pub(crate) async fn expect_pong(&mut self, channel: u8) {
        self.write(&[0x93, channel, 0xcd, 0xff, 0xfd, 0x90]).await;
        self.expect(&[&[0x94, channel, 0x00, 0x90], UNTRACED].concat()).await;
    }
}

/// The headers of a frame without a trace.
pub(crate) const UNTRACED: &[u8] = b"\x93\x93\xc2\xa8trace_id\xa8\0\0\0\0\0\0\0\0\
    \x93\xc2\xa7span_id\xa8\0\0\0\0\0\0\0\0\x93\xc2\xa9parent_id\xa8\0\0\0\0\0\0\0\0";
