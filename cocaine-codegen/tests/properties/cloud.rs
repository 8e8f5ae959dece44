//! A cloud of one service whose graph is anything: served by the runtime, or scripted.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use cocaine::{
    Client, DynReceiver, DynSender, Endpoint, Service, ServiceClient, ServiceInfo,
    bind::{OnDrop, ServiceSpec},
    graph::{CallKind, Graph},
    server::{Call, Dispatch, Server},
};
use cocaine_bindings::LocatorClient;
use cocaine_codegen::{Method, Tree};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::machine::Verdict;

/// How long anything may take before it counts as hanging.
const LONG: Duration = Duration::from_secs(20);

/// Returns the graph of the runtime for these methods.
pub(crate) fn graph(methods: impl IntoIterator<Item = (u64, Method)>) -> Graph {
    Graph::new(methods.into_iter().map(|(id, Method(name, dispatch, upstream))| cocaine::graph::Method {
        id,
        name: name.into(),
        dispatch: tree(&dispatch),
        upstream: tree(&upstream),
    }))
}

fn tree(tree: &Tree) -> cocaine::graph::Tree {
    let Tree::Node(messages) = tree else { return cocaine::graph::Tree::Recurse };
    let edges = messages.iter().map(|(id, message)| cocaine::graph::Edge {
        id: *id,
        name: message.0.as_str().into(),
        next: self::tree(&message.1),
    });
    cocaine::graph::Tree::Node(Arc::new(cocaine::graph::TreeNode::new(edges)))
}

/// Returns whether the runtime calls the method as a session.
pub(crate) fn is_session(method: &Method) -> bool {
    CallKind::of(&tree(&method.1), &tree(&method.2)) == CallKind::Session
}

/// A locator that finds one service, whatever it is asked for.
struct Locator(ServiceInfo);

impl Dispatch for Locator {
    fn spec(&self) -> &'static ServiceSpec {
        LocatorClient::SPEC
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<> {
        let found = self.0.clone();
        async move { call.split().1.primitive(Ok(found)) }
    }
}

/// Serves sessions, whose messages it reads to their end.
struct Sessions(&'static ServiceSpec);

impl Dispatch for Sessions {
    fn spec(&self) -> &'static ServiceSpec {
        self.0
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<> {
        async move {
            let (halves, outcome) = call.split().1.session();
            let (mut input, output): (DynReceiver, DynSender) = halves.open();
            while let Some(Ok(_)) = input.next_message().await {}
            output.abandon();
            outcome.settle(Ok(()));
        }
    }
}

/// A service of one graph, and a client for it.
pub(crate) struct Cloud {
    pub(crate) client: Client,
    address: SocketAddr,
    _locator: Server,
    _server: Option<Server>,
}

impl Cloud {
    /// Serves `spec`, whose methods are sessions.
    pub(crate) async fn serving(spec: &'static ServiceSpec) -> Self {
        let server = Server::bind("127.0.0.1:0", Sessions(spec)).await.unwrap();
        let cloud = Self::at(server.local_addr(), spec.graph()).await;
        Self { _server: Some(server), ..cloud }
    }

    async fn at(address: SocketAddr, graph: Graph) -> Self {
        let resolved = ServiceInfo { endpoints: vec![Endpoint(address)], version: 1, graph };
        let locator = Server::bind("127.0.0.1:0", Locator(resolved)).await.unwrap();
        let client = Client::new(&locator.local_addr().to_string()).unwrap();
        Self { client, address, _locator: locator, _server: None }
    }

    /// Returns what the server says of `ids`, sent one after the other on a channel of the method `method`. It never
    /// says that a message was the last.
    pub(crate) async fn by_server(&self, method: u64, ids: &[u64]) -> Vec<Verdict> {
        let mut peer = Peer::connect(self.address).await;
        peer.send(1, method).await;
        assert!(peer.is_alive().await, "the method itself");
        let mut accepted = Vec::new();
        for id in ids {
            peer.send(1, *id).await;
            accepted.push(peer.is_alive().await);
            if accepted.last() == Some(&false) {
                break;
            }
        }
        accepted
            .into_iter()
            .map(|accepted| if accepted { Verdict::Allowed } else { Verdict::Refused })
            .collect()
    }

    /// Returns what an untyped channel says of `ids`, sent one after the other.
    pub(crate) async fn by_untyped_sender(&self, method: &Method, ids: &[u64]) -> Vec<Verdict> {
        let service = self.client.dynamic("service").await.unwrap();
        let channel = open(&service, &method.0).await;
        let mut sender = channel.tx;
        let mut verdicts = Vec::new();
        for id in ids {
            let name = name_of(&method.1, *id);
            let is_allowed = sender.allowed().contains(&name);
            let sent = sender.send(&name, ()).await;
            assert_eq!(sent.is_ok(), is_allowed, "{name}: {sent:?}");
            verdicts.push(match (is_allowed, sender.allowed().is_empty()) {
                (false, _) => Verdict::Refused,
                (true, true) => Verdict::Last,
                (true, false) => Verdict::Allowed,
            });
            if !is_allowed {
                break;
            }
        }
        verdicts
    }
}

type Channel = cocaine::Duplex<DynSender, DynReceiver>;

async fn open(service: &Service, method: &str) -> Channel {
    timeout(LONG, service.open(method, ())).await.expect("a channel").unwrap()
}

/// Returns the name of the message with this id, wherever it is in the tree.
fn name_of(tree: &Tree, id: u64) -> String {
    fn find(tree: &Tree, id: u64) -> Option<String> {
        let Tree::Node(messages) = tree else { return None };
        let here = messages.get(&id).map(|message| message.0.clone());
        here.or_else(|| messages.values().find_map(|message| find(&message.1, id)))
    }
    find(tree, id).unwrap_or_else(|| format!("m{id}"))
}

/// Returns what an untyped channel says of `ids` as they come from a service with this method, one after the other. It
/// never says that a message was the last.
pub(crate) async fn by_untyped_receiver(method: &Method, ids: &[u64]) -> Vec<Verdict> {
    let (_cloud, service, mut peer) = scripted::<Untyped>(graph([(0, method.clone())]).with_controls()).await;
    let mut receiver = open(service.service(), &method.0).await.rx;
    peer.skip_opening(0).await;
    let mut verdicts = Vec::new();
    for id in ids {
        peer.send(1, *id).await;
        let verdict = match timeout(LONG, receiver.recv()).await.expect("a verdict") {
            Some(Ok(_)) => Verdict::Allowed,
            Some(Err(error)) => {
                assert!(error.to_string().contains("is not allowed"), "{error}");
                Verdict::Refused
            }
            None => Verdict::Refused,
        };
        verdicts.push(verdict);
        if verdict == Verdict::Refused {
            break;
        }
    }
    verdicts
}

/// A client without bindings.
#[derive(Debug)]
struct Untyped(Service);

impl ServiceClient for Untyped {
    const SPEC: &'static ServiceSpec = &ServiceSpec { name: "service", version: 1, methods: &[] };

    fn from_service(service: Service) -> Self {
        Self(service)
    }

    fn service(&self) -> &Service {
        &self.0
    }
}

/// Returns a client of a service with this graph, and the service, which speaks by script.
pub(crate) async fn scripted<C: ServiceClient>(graph: Graph) -> (Cloud, C, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let cloud = Cloud::at(listener.local_addr().unwrap(), graph).await;
    let (client, socket) = tokio::join!(cloud.client.service_named("service"), listener.accept());
    let peer = Peer { io: socket.unwrap().0, pings: 1 };
    (cloud, client.unwrap(), peer)
}

/// A socket whose frames are written by hand.
pub(crate) struct Peer {
    io: TcpStream,
    pings: u32,
}

impl Peer {
    async fn connect(address: SocketAddr) -> Self {
        Self { io: TcpStream::connect(address).await.unwrap(), pings: 1 }
    }

    /// Writes a message without arguments; a connection that has ended takes none.
    pub(crate) async fn send(&mut self, channel: u32, id: u64) {
        let mut frame = vec![0x93, 0xce];
        frame.extend(channel.to_be_bytes());
        frame.push(0xcf);
        frame.extend(id.to_be_bytes());
        frame.push(0x90);
        let _ = self.io.write_all(&frame).await;
    }

    /// Asks with a control `ping`, on a channel of its own; returns whether it is answered.
    async fn is_alive(&mut self) -> bool {
        self.pings += 1;
        self.send(self.pings, 65_533).await;
        // The answer: channel, id, no arguments, and three headers of a trace that is not there.
        let mut answer = [0; 65];
        let read = timeout(LONG, self.io.read_exact(&mut answer)).await.expect("an answer or the end");
        read.is_ok_and(|_| answer[0] == 0x94)
    }

    /// Reads the frame that opens channel 1.
    pub(crate) async fn skip_opening(&mut self, method: u8) {
        let mut frame = [0; 4];
        timeout(LONG, self.io.read_exact(&mut frame)).await.expect("a channel").unwrap();
        assert_eq!(frame, [0x93, 1, method, 0x90]);
    }
}

/// Returns a table for a graph; it lives as long as the test.
pub(crate) fn leak(methods: impl IntoIterator<Item = (u64, Method)>) -> &'static ServiceSpec {
    let rows = methods.into_iter().map(|(id, Method(name, dispatch, upstream))| cocaine::bind::MethodSpec {
        id,
        name: name.leak(),
        dispatch: leak_tree(dispatch),
        upstream: leak_tree(upstream),
        on_drop: OnDrop::Terminal,
    });
    Box::leak(Box::new(ServiceSpec { name: "service", version: 1, methods: rows.collect::<Vec<_>>().leak() }))
}

fn leak_tree(tree: Tree) -> cocaine::bind::TreeSpec {
    match tree {
        Tree::Recurse => cocaine::bind::TreeSpec::Recurse,
        Tree::Node(messages) => {
            let rows = messages.into_iter().map(|(id, message)| {
                let name: &'static str = message.0.leak();
                (id, name, leak_tree(message.1))
            });
            cocaine::bind::TreeSpec::Node(rows.collect::<Vec<_>>().leak())
        }
    }
}

/// Returns verdicts as one sees them who is told only what is refused.
pub(crate) fn without_last(verdicts: &[Verdict]) -> Vec<Verdict> {
    let told = verdicts.iter().map(|verdict| match verdict {
        Verdict::Refused => Verdict::Refused,
        Verdict::Allowed | Verdict::Last => Verdict::Allowed,
    });
    told.collect()
}
