//! The shape of each reply (`services.md` 25): recorded bytes are read by the generated clients, and the generated
//! servers write the same bytes.
//!
//! `shapes.txt` has one exchange a line: a name, the recording (`inferred` where there is none), the request, the replies,
//! and the message that the caller sends at the end. A message is its id and its arguments in hexadecimal.

mod test_locator;

use std::collections::BTreeMap;

use cocaine::{
    Bytes, Code, Endpoint, Receiver, ReplySender, Result, Scalar, Sender, ServiceClient, ServiceInfo, Stream,
    Value,
    graph::Graph,
    server::{Dispatch, Server},
};
use cocaine_bindings::{
    App, AppClient, AppServer, Cache, CacheClient, Children, Echo, EchoClient, Elasticsearch,
    ElasticsearchClient, Entity, Fetched, Graphite, GraphiteClient, Hits, LangdetectClient, Locator,
    LocatorClient, LocatorServer, Metric, Node, NodeClient, NodeServer, ServeApp, ServeCache, ServeEcho,
    ServeElasticsearch, ServeGraphite, ServeLangdetect, ServeLocator, ServeNode, ServeStorage, ServeTvm,
    ServeUatraits, ServeUnicat, ServeUnicorn, ServeUrlfetch, ServeVicodyn, Storage, StorageClient, Tvm,
    TvmClient, Uatraits, UatraitsClient, Unicat, UnicatClient, Unicorn, UnicornClient, Urlfetch,
    UrlfetchClient, Versioned, Vicodyn, VicodynClient,
    locator::{PublishReceiver, RoutingReceived, RoutingReceiver},
    unicat::Access,
};
use test_locator::TestLocator;
use test_support::{frame::UNTRACED, hex, raw::RawConnection, wait::TIMEOUT};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

/// One message: its id and its encoded arguments.
#[derive(Clone)]
struct Message(u8, Vec<u8>);

impl Message {
    /// Reads `id:arguments`.
    fn parse(text: &str) -> Self {
        let (id, args) = text.split_once(':').expect("an id and arguments");
        Self(id.parse().unwrap(), hex::decode(args))
    }

    /// Returns the frame as a client writes it.
    fn to_request(&self, channel: u8) -> Vec<u8> {
        [&[0x93, channel, self.0], &self.1[..]].concat()
    }

    /// Returns the frame as a service writes it.
    fn to_reply(&self, channel: u8) -> Vec<u8> {
        [&[0x94, channel, self.0], &self.1[..], UNTRACED].concat()
    }
}

/// A recorded exchange on one channel.
#[derive(Clone)]
struct Exchange {
    request: Message,
    replies: Vec<Message>,
    /// The message that the caller sends at the end.
    final_message: Option<Message>,
    /// Whether a client of this project offers credit, which the recorded one could not (`protocol.md` 14.1).
    offers_credit: bool,
}

impl Exchange {
    fn named(name: &str) -> Self {
        let mut lines = include_str!("shapes.txt").lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let line = lines.find(|line| line[0] == name).expect(name);
        let [_, _, request, replies, final_message] = line[..] else { panic!("{name}: five fields") };
        Self {
            request: Message::parse(request),
            replies: replies.split(',').map(Message::parse).collect(),
            final_message: (final_message != "-").then(|| Message::parse(final_message)),
            offers_credit: name == "app.enqueue",
        }
    }

    /// Returns the first frame of the generated client.
    fn client_request(&self, channel: u8) -> Vec<u8> {
        let mut request = self.request.to_request(channel);
        if self.offers_credit {
            request[0] = 0x94;
            request.extend_from_slice(b"\x91\x93\xc2\xaecocaine-credit\xa8\0\0\x08\0\0\0\0\0");
        }
        request
    }

    /// Plays the service on this channel.
    async fn play_service(&self, peer: &mut RawConnection<TcpStream>, channel: u8) {
        peer.expect(&self.client_request(channel)).await;
        for reply in &self.replies {
            peer.write(&reply.to_reply(channel)).await;
        }
        if let Some(final_message) = &self.final_message {
            peer.expect(&final_message.to_request(channel)).await;
        }
    }

    /// Plays the caller.
    async fn play_caller(&self, peer: &mut RawConnection<TcpStream>) {
        peer.write(&self.request.to_request(1)).await;
        for reply in &self.replies {
            peer.expect(&reply.to_reply(1)).await;
        }
        if let Some(final_message) = &self.final_message {
            peer.write(&final_message.to_request(1)).await;
        }
    }
}

/// Serves the recorded replies twice. Returns a client of that service.
async fn recorded<C: ServiceClient>(exchange: &Exchange) -> (C, JoinHandle<()>, Server) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let names = TestLocator::default();
    names.add::<C>("recorded", listener.local_addr().unwrap());
    let locator = names.serve("127.0.0.1:0").await;
    let exchange = exchange.clone();
    let playing = tokio::spawn(async move {
        let mut peer = RawConnection::new(listener.accept().await.unwrap().0);
        exchange.play_service(&mut peer, 1).await;
        exchange.play_service(&mut peer, 2).await;
    });
    let client = cocaine::Client::new(&locator.local_addr().to_string()).unwrap();
    (client.service_named("recorded").await.unwrap(), playing, locator)
}

/// Has `read` check the recorded replies of `name` through a generated client. Then checks that a generated server, which
/// forwards its calls to that client, writes the same bytes.
async fn check<C, D>(name: &str, read: impl AsyncFnOnce(C), serve: impl FnOnce(C) -> D)
where
    C: ServiceClient + Clone,
    D: Dispatch,
{
    let exchange = Exchange::named(name);
    let (client, playing, _locator) = recorded::<C>(&exchange).await;
    timeout(TIMEOUT, read(client.clone())).await.expect("an answer");
    let server = Server::bind("127.0.0.1:0", serve(client)).await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    exchange.play_caller(&mut raw).await;
    timeout(TIMEOUT, playing).await.expect("all of the recorded exchange").unwrap();
}

/// Like [`check`], for a service whose client implements the server trait.
macro_rules! check {
    ($name:literal, $serve:ident, |$client:ident: $of:ty| $read:expr) => {
        check($name, async |$client: $of| $read, |client: $of| $serve::new(move |_| client.clone())).await
    };
}

fn path(name: &str) -> String {
    format!("/t1795345856/{name}")
}

/// Returns the value that the recorded client of unicorn wrote: `{"k": [1, -1, 2.5, true, nil]}`.
fn nested() -> Value {
    let list = vec![Value::from(1), Value::from(-1), Value::from(2.5), Value::from(true), Value::Nil];
    Value::Map(vec![("k".into(), Value::Array(list))])
}

#[tokio::test]
async fn void_reply() {
    check!("storage.write", ServeStorage, |client: StorageClient| {
        client.write("coll", "key", &"value-1".into(), Some(&["tag1", "tag2"])).await.unwrap();
    });
}

#[tokio::test]
async fn storage_read() {
    check!("storage.read", ServeStorage, |client: StorageClient| {
        assert_eq!(client.read("coll", "key").await.unwrap(), "value-1");
    });
}

#[tokio::test]
async fn storage_find() {
    check!("storage.find", ServeStorage, |client: StorageClient| {
        assert_eq!(client.find("coll", &["tag1"]).await.unwrap(), ["key"]);
    });
}

/// A locator that forwards its calls to another.
#[derive(Clone)]
struct ForwardingLocator(LocatorClient);

impl LocatorServer for ForwardingLocator {
    async fn resolve(&self, name: &str, seed: Option<&str>) -> Result<ServiceInfo> {
        self.0.resolve(name, seed).await
    }

    fn connect(
        &self,
        uuid: &str,
    ) -> impl Stream<Item = Result<(String, BTreeMap<String, ServiceInfo>)>> + Send + 'static + use<> {
        self.0.connect(uuid)
    }

    async fn refresh(&self, groups: &[&str]) -> Result<()> {
        self.0.refresh(groups).await
    }

    async fn cluster(&self) -> Result<BTreeMap<String, Endpoint>> {
        self.0.cluster().await
    }

    async fn publish(
        &self,
        _: &str,
        _: &[Endpoint],
        _: Option<(u64, Graph)>,
        _: PublishReceiver,
        _: ReplySender<()>,
    ) -> Result<()> {
        Err(cocaine::Error::unbound())
    }

    async fn routing(
        &self,
        router: &str,
        input: RoutingReceiver,
        mut output: Sender<BTreeMap<String, Vec<(u32, String)>>>,
    ) -> Result<()> {
        let mut routing = self.0.routing(router).await?;
        for _ in 0..3 {
            output.send(routing.rx.recv().await.expect("another table")?).await?;
        }
        let RoutingReceived::Discard = input.recv().await?;
        Ok(())
    }

    async fn uuid(&self) -> Result<String> {
        Locator::uuid(&self.0).await
    }
}

fn locator(client: LocatorClient) -> impl Dispatch {
    ServeLocator::new(move |_| ForwardingLocator(client.clone()))
}

#[tokio::test]
async fn locator_resolve() {
    let read = async |client: LocatorClient| {
        let ServiceInfo { endpoints, version, graph } = client.resolve("storage", None).await.unwrap();
        assert_eq!((endpoints[0].to_string().as_str(), version), ("127.0.0.1:10054", 1));
        assert_eq!(graph, StorageClient::SPEC.graph());
    };
    check("locator.resolve", read, locator).await;
}

#[tokio::test]
async fn locator_cluster() {
    let read = async |client: LocatorClient| {
        let cluster = client.cluster().await.unwrap();
        let endpoint = cluster["73cae3a3-0917-4d34-b363-037f13514d53"];
        assert_eq!((endpoint.to_string().as_str(), cluster.len()), ("127.0.0.1:12900", 1));
    };
    check("locator.cluster", read, locator).await;
}

#[tokio::test]
async fn locator_connect() {
    let read = async |client: LocatorClient| {
        let mut stream = client.connect("11111111-2222-3333-4444-555555555555");
        let (uuid, services) = stream.recv().await.unwrap().unwrap();
        assert_eq!(uuid, "73cae3a3-0917-4d34-b363-037f13514d53");
        assert_eq!(services.keys().collect::<Vec<_>>(), ["logging", "storage"]);
        let (_, come) = stream.recv().await.unwrap().unwrap();
        assert_eq!(come["ext"].endpoints[1].to_string(), "[::1]:4568");
        let (_, gone) = stream.recv().await.unwrap().unwrap();
        assert_eq!(gone["ext"], ServiceInfo::default());
    };
    check("locator.connect", read, locator).await;
}

#[tokio::test]
async fn locator_routing() {
    let read = async |client: LocatorClient| {
        let mut routing = client.routing("router-2").await.unwrap();
        assert!(routing.rx.recv().await.unwrap().unwrap().is_empty());
        let groups = routing.rx.recv().await.unwrap().unwrap();
        assert_eq!(groups["mygroup"][0], (797_295, "storage".to_owned()));
        assert!(groups["mygroup"].is_sorted());
        assert!(routing.rx.recv().await.unwrap().unwrap().is_empty());
    };
    check("locator.routing", read, locator).await;
}

#[tokio::test]
async fn unicorn_get() {
    check!("unicorn.get", ServeUnicorn, |client: UnicornClient| {
        let found = client.get(&path("a")).await.unwrap();
        assert_eq!(found, Versioned { value: "value".into(), version: 0 });
    });
}

#[tokio::test]
async fn unicorn_increment() {
    check!("unicorn.increment", ServeUnicorn, |client: UnicornClient| {
        let sum = client.increment(&path("n"), &5.into()).await.unwrap();
        assert_eq!(sum, Versioned { value: 5.into(), version: 0 });
    });
}

#[tokio::test]
async fn unicorn_put() {
    check!("unicorn.put", ServeUnicorn, |client: UnicornClient| {
        let put = client.put(&path("a"), &nested(), 0).await.unwrap();
        assert_eq!(put, Ok(Versioned { value: nested(), version: 1 }));
    });
    check!("unicorn.put_refused", ServeUnicorn, |client: UnicornClient| {
        let put = client.put(&path("a"), &"x".into(), 0).await.unwrap();
        assert_eq!(put, Err(Versioned { value: nested(), version: 1 }));
    });
}

#[tokio::test]
async fn unicorn_subscribe() {
    check!("unicorn.subscribe", ServeUnicorn, |client: UnicornClient| {
        let mut changes = client.subscribe(&path("sub"));
        for (value, version) in [(Value::Nil, -1), ("v0".into(), 0), ("v1".into(), 1)] {
            assert_eq!(changes.recv().await.unwrap().unwrap(), Versioned { value, version });
        }
        let error = changes.recv().await.unwrap().unwrap_err();
        assert_eq!(error.code(), Some(Code::NO_NODE));
    });
}

#[tokio::test]
async fn unicorn_children_subscribe() {
    check!("unicorn.children_subscribe", ServeUnicorn, |client: UnicornClient| {
        let mut changes = client.children_subscribe(&path("dir"));
        for (version, names) in [(1, vec!["one"]), (2, vec!["two", "one"]), (3, vec!["two"])] {
            let Children { version: found, names: listed } = changes.recv().await.unwrap().unwrap();
            assert_eq!((found, listed), (version, names.into_iter().map(str::to_owned).collect()));
        }
    });
}

#[tokio::test]
async fn unicorn_lock() {
    check!("unicorn.lock", ServeUnicorn, |client: UnicornClient| {
        let lock = client.lock(&path("lock")).await.unwrap();
        drop(lock);
    });
}

#[tokio::test]
async fn cache_get() {
    check!("cache.get", ServeCache, |client: CacheClient| {
        assert_eq!(client.get("k").await.unwrap().unwrap(), "v");
    });
    check!("cache.get_absent", ServeCache, |client: CacheClient| {
        assert_eq!(client.get("k").await.unwrap(), None);
    });
}

#[tokio::test]
async fn urlfetch_get() {
    check!("urlfetch.get", ServeUrlfetch, |client: UrlfetchClient| {
        let fetched = client.get("http://127.0.0.1:18080/ok", None, None, None, None).await.unwrap();
        let Fetched { ok, body, code, headers } = fetched;
        assert_eq!((ok, code, headers["Content-Length"].as_ref()), (true, 200, &b"7"[..]));
        assert_eq!(body.as_ref(), b"hello \xff");
    });
}

/// A node that forwards its calls to another.
#[derive(Clone)]
struct ForwardingNode(NodeClient);

impl NodeServer for ForwardingNode {
    async fn start_app(&self, app: &str, profile: &str) -> Result<()> {
        self.0.start_app(app, profile).await
    }

    async fn pause_app(&self, app: &str) -> Result<()> {
        self.0.pause_app(app).await
    }

    async fn list(&self) -> Result<Value> {
        self.0.list().await
    }

    async fn info(&self, app: &str, flags: Option<u32>) -> Result<Value> {
        self.0.info(app, flags).await
    }

    async fn control(&self, _: &str, _: Receiver<i32>, _: ReplySender<()>) -> Result<()> {
        Err(cocaine::Error::unbound())
    }

    async fn enqueue(&self, _: &str, _: &str, _: Receiver<Bytes>, _: Sender<Bytes>) -> Result<()> {
        Err(cocaine::Error::unbound())
    }
}

#[tokio::test]
async fn node_list() {
    let read = async |client: NodeClient| {
        assert_eq!(client.list().await.unwrap(), Value::Array(vec!["lifecycle".into()]));
    };
    check("node.list", read, |client| ServeNode::new(move |_| ForwardingNode(client.clone()))).await;
}

/// An app that forwards its calls to another.
#[derive(Clone)]
struct ForwardingApp(AppClient);

impl AppServer for ForwardingApp {
    async fn enqueue(
        &self,
        event: &str,
        tag: Option<&str>,
        mut input: Receiver<Bytes>,
        mut output: Sender<Bytes>,
    ) -> Result<()> {
        let mut event = self.0.enqueue(event, tag).await?;
        while let Some(chunk) = event.recv().await {
            output.send(chunk?).await?;
        }
        output.finish()?;
        assert!(input.recv().await.is_none());
        event.finish().map(drop)
    }

    async fn info(&self) -> Result<Value> {
        self.0.info().await
    }

    async fn control(&self, _: Receiver<i32>, _: ReplySender<()>) -> Result<()> {
        Err(cocaine::Error::unbound())
    }
}

#[tokio::test]
async fn app_enqueue() {
    let read = async |client: AppClient| {
        let mut event = client.enqueue("ping", None).await.unwrap();
        assert_eq!(event.recv().await.unwrap().unwrap(), "pong");
        assert!(event.recv().await.is_none());
        event.finish().unwrap();
    };
    check("app.enqueue", read, |client| ServeApp::new(move |_| ForwardingApp(client.clone()))).await;
}

#[tokio::test]
async fn metrics_are_encoded_as_lists() {
    let metric = |name: &str, value, time| Metric { name: name.to_owned(), value, time };
    check!("graphite.send_one", ServeGraphite, |client: GraphiteClient| {
        client.send_one(&metric("m", 1.5, Some(1_500_000_000))).await.unwrap();
    });
    check!("graphite.send_bulk", ServeGraphite, |client: GraphiteClient| {
        let two = [metric("m", 1.5, Some(1_500_000_000)), metric("n", 2.0, Some(1_500_000_001))];
        client.send_bulk(&two).await.unwrap();
    });
}

fn collection(service: Option<&str>) -> [Entity; 1] {
    let (scheme, name) = ("storage".to_owned(), "coll".to_owned());
    [Entity { scheme, service: service.map(str::to_owned), name }]
}

#[tokio::test]
async fn entity_without_service_is_encoded_as_nil() {
    check!("unicat.grant", ServeUnicat, |client: UnicatClient| {
        let error = client.grant(&collection(None), &[1], &[2], Access::ReadWrite).await.unwrap_err();
        assert_eq!(error.code(), Some(Code::UNCAUGHT_ERROR));
    });
}

/// There are no recordings of these; the bytes follow `services.md`.
#[tokio::test]
async fn inferred_shapes_follow_the_specification() {
    check!("elasticsearch.get", ServeElasticsearch, |client: ElasticsearchClient| {
        assert_eq!(client.get("i", "t", "1").await.unwrap(), Err("none".to_owned()));
    });
    check!("elasticsearch.index", ServeElasticsearch, |client: ElasticsearchClient| {
        assert_eq!(client.index("{}", "i", "t", None).await.unwrap(), Ok("1".to_owned()));
    });
    check!("elasticsearch.search", ServeElasticsearch, |client: ElasticsearchClient| {
        let found = client.search("i", "t", "q", None).await.unwrap();
        assert_eq!(found, Hits { ok: true, total: 1, hits: "[]".to_owned() });
    });
    check!("elasticsearch.delete", ServeElasticsearch, |client: ElasticsearchClient| {
        assert!(client.delete("i", "t", "1").await.unwrap());
    });
    check!("tvm.ticket_full", ServeTvm, |client: TvmClient| {
        let ticket = client.ticket_full(1, "s", "client_credentials", &BTreeMap::new()).await.unwrap();
        assert_eq!(ticket, "t");
    });
    check!("uatraits.detect", ServeUatraits, |client: UatraitsClient| {
        assert_eq!(client.detect("m").await.unwrap()["isMobile"], Scalar::Bool(true));
    });
    check!("vicodyn.peers", ServeVicodyn, |client: VicodynClient| {
        assert_eq!(client.peers(None).await.unwrap(), Value::Map(vec![("peers".into(), Value::Nil)]));
    });
}

#[tokio::test]
async fn unknown_arguments_accept_any_value() {
    check!("langdetect.find_domain", ServeLangdetect, |client: LangdetectClient| {
        assert_eq!(client.find_domain::<String>(("a", 1)).await.unwrap(), "x");
    });
}

/// Checks that a control message on channel 2 is acknowledged and does not reach the service: the next call that does is
/// `again`, on channel 3.
async fn expect_control(raw: &mut RawConnection<TcpStream>, control: &[u8], again: &Exchange) {
    raw.write(&[&[0x93, 2], control].concat()).await;
    raw.expect(&[&[0x94, 2, 0, 0x90], UNTRACED].concat()).await;
    raw.write(&again.request.to_request(3)).await;
    for reply in &again.replies {
        raw.expect(&reply.to_reply(3)).await;
    }
}

/// The recorded control messages are those of `protocol/control_ping` and `protocol/control_revoke`.
#[tokio::test]
async fn control_message_is_told_apart_by_its_id() {
    let exchange = Exchange::named("echo.ping");
    let (client, playing, _locator) = recorded::<EchoClient>(&exchange).await;
    assert_eq!(client.ping(&"hi".into()).await.unwrap(), "hi");
    let server = Server::bind("127.0.0.1:0", ServeEcho::new(move |_| client.clone())).await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    expect_control(&mut raw, b"\xcd\xff\xfd\x90", &exchange).await;
    timeout(TIMEOUT, playing).await.unwrap().unwrap();

    let exchange = Exchange::named("unicat.revoke");
    let (client, playing, _locator) = recorded::<UnicatClient>(&exchange).await;
    let revoked = client.revoke(&collection(Some("core")), &[1], &[2], Access::ReadWrite).await;
    assert_eq!(revoked.unwrap_err().code(), Some(Code::UNCAUGHT_ERROR));
    let server = Server::bind("127.0.0.1:0", ServeUnicat::new(move |_| client.clone())).await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    expect_control(&mut raw, b"\xcd\xff\xff\x92\x09\x92\x01\x01", &exchange).await;
    timeout(TIMEOUT, playing).await.unwrap().unwrap();
}
