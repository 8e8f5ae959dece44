//! Generated servers over TCP, called by generated clients and by raw frames.

mod test_locator;

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use cocaine::{
    Bytes, Code, Duplex, Endpoint, Error, ErrorKind, Limits, Receiver, ReplySender, Result, Scalar, Sender,
    Severity, Stream, Trace, Value,
    server::{Caller, Server},
};
use cocaine_bindings::{
    App, AppClient, AppServer, Locator, LocatorClient, LocatorServer, Logging, LoggingClient, ServeApp,
    ServeLocator, ServeLogging, ServeStorage, Storage, StorageClient,
};
use test_locator::{TestLocator, cloud};
use test_support::{
    frame::UNTRACED,
    raw::RawConnection,
    wait::{TIMEOUT, wait_until},
};
use tokio::{
    io::AsyncReadExt,
    sync::{Notify, mpsc},
    time::timeout,
};

/// A storage whose behaviour the key of a call selects.
#[derive(Clone)]
struct ScriptedStorage {
    trace: Option<Trace>,
    started: Arc<AtomicUsize>,
    wait: Arc<Notify>,
}

impl ScriptedStorage {
    fn new() -> Self {
        Self { trace: None, started: Arc::default(), wait: Arc::default() }
    }

    fn serve(&self) -> ServeStorage<impl Fn(&Caller) -> Self + use<>> {
        let service = self.clone();
        ServeStorage::new(move |caller| {
            assert!(caller.headers().get("panic").is_none(), "as the caller asked");
            Self { trace: caller.trace(), ..service.clone() }
        })
    }
}

impl Storage for ScriptedStorage {
    async fn read(&self, _: &str, key: &str) -> Result<Bytes> {
        self.started.fetch_add(1, Ordering::Relaxed);
        match key {
            "panic" => panic!("as the caller asked"),
            "panic later" => {
                tokio::task::yield_now().await;
                panic!("as the caller asked, later")
            }
            "wait" => self.wait.notified().await,
            "trace" => {
                assert_eq!((Trace::current(), self.trace), (self.trace, Trace::current()));
                tokio::task::yield_now().await;
                assert_eq!(Trace::current(), self.trace, "still current after the move to another task");
            }
            "large" => return Ok(vec![7; 1 << 20].into()),
            "unbound" => return Err(Error::unbound()),
            _ => {}
        }
        Ok(key.into())
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        Err(Error::service(Code::PERMISSION_DENIED, "Permission denied"))
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn find(&self, _: &str, tags: &[&str]) -> Result<Vec<String>> {
        Ok(tags.iter().map(ToString::to_string).collect())
    }
}

/// Returns the frame of `read("c", key)`.
fn read(channel: u8, key: &str) -> Vec<u8> {
    let key_len = u8::try_from(key.len()).unwrap();
    [&[0x93, channel, 0, 0x92, 0xa1, b'c', 0xa0 | key_len], key.as_bytes()].concat()
}

/// An app whose behaviour the name of an event selects.
#[derive(Clone)]
struct ScriptedApp(mpsc::UnboundedSender<String>);

impl AppServer for ScriptedApp {
    async fn enqueue(
        &self,
        event: &str,
        tag: Option<&str>,
        mut input: Receiver<Bytes>,
        mut output: Sender<Bytes>,
    ) -> Result<()> {
        match event {
            "echo" => {
                while let Some(chunk) = input.recv().await {
                    output.send(chunk?).await?;
                }
                output.finish()
            }
            "tag" => {
                output.send(tag.unwrap_or("none")).await?;
                output.finish()
            }
            "panic" => {
                output.send("before").await?;
                panic!("as the caller asked")
            }
            "forget" => Ok(()),
            "listen" => {
                let end = input.recv().await;
                self.0.send(end.map_or("the end".to_owned(), |end| end.unwrap_err().to_string())).unwrap();
                Ok(())
            }
            _ => Err(Error::service(Code::UNKNOWN_EVENT, "no handler")),
        }
    }

    async fn info(&self) -> Result<Value> {
        Ok(Value::from("info"))
    }

    async fn control(&self, mut input: Receiver<i32>, output: ReplySender<()>) -> Result<()> {
        loop {
            let item = input.recv().await;
            self.0.send(format!("{item:?}")).unwrap();
            if !matches!(item, Some(Ok(_))) {
                drop(output);
                return Ok(());
            }
        }
    }
}

async fn app() -> (AppClient, Server, Server, mpsc::UnboundedReceiver<String>) {
    let (sender, reports) = mpsc::unbounded_channel();
    let events = ScriptedApp(sender);
    let server = Server::bind("127.0.0.1:0", ServeApp::new(move |_| events.clone())).await.unwrap();
    let (client, locator) = cloud::<AppClient>(&server).await;
    (client.service().await.unwrap(), server, locator, reports)
}

async fn storage(service: &ScriptedStorage) -> (StorageClient, Server, Server) {
    let server = Server::bind("127.0.0.1:0", service.serve()).await.unwrap();
    let (client, locator) = cloud::<StorageClient>(&server).await;
    (client.service().await.unwrap(), server, locator)
}

#[tokio::test]
async fn chunks_go_both_ways() {
    let (app, _server, _locator, _said) = app().await;
    let mut event = app.enqueue("echo", None).await.unwrap();
    for size in [0, 5, 5000, 200_000] {
        let chunk = Bytes::from(vec![3; size]);
        event.send(chunk.clone()).await.unwrap();
        assert!(event.recv().await.unwrap().unwrap() == chunk);
    }
    let mut rest = event.finish().unwrap();
    assert!(rest.recv().await.is_none());
    let mut event = app.enqueue("tag", Some("t")).await.unwrap();
    assert_eq!(event.recv().await.unwrap().unwrap(), "t");
    assert_eq!(app.info().await.unwrap(), Value::from("info"));
}

#[tokio::test]
async fn panicking_or_forgotten_event_is_answered_with_error() {
    let (app, _server, _locator, _said) = app().await;
    let mut other = app.enqueue("echo", None).await.unwrap();
    let mut event = app.enqueue("panic", None).await.unwrap();
    assert_eq!(event.recv().await.unwrap().unwrap(), "before");
    let error = event.recv().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(Code::SENDER_DROPPED));
    let mut event = app.enqueue("forget", None).await.unwrap();
    assert!(event.recv().await.unwrap().is_err());
    other.send("still here").await.unwrap();
    assert_eq!(other.recv().await.unwrap().unwrap(), "still here");
}

#[tokio::test]
async fn session_handler_error_closes_the_connection() {
    let (app, server, _locator, _said) = app().await;
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(b"\x93\x01\x00\x91\xa7unknown").await;
    raw.expect_end().await;
    let mut other = app.enqueue("echo", None).await.unwrap();
    let mut event = app.enqueue("unknown", None).await.unwrap();
    for stream in [&mut event, &mut other] {
        let error = timeout(TIMEOUT, stream.recv()).await.unwrap().unwrap().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
    }
}

#[tokio::test]
async fn control_reads_numbers_until_it_is_revoked() {
    let (app, _server, _locator, mut reports) = app().await;
    let mut control = app.control().await.unwrap();
    control.tx.send(3).await.unwrap();
    control.tx.send(-1).await.unwrap();
    drop(control);
    assert_eq!(reports.recv().await.unwrap(), "Some(Ok(3))");
    assert_eq!(reports.recv().await.unwrap(), "Some(Ok(-1))");
    let end = reports.recv().await.unwrap();
    assert!(end.contains("the channel was revoked") && end.contains("125"), "{end}");
    assert_eq!(app.info().await.unwrap(), Value::from("info"), "the connection goes on");
}

#[tokio::test]
async fn handler_learns_that_its_caller_is_gone() {
    let (app, server, _locator, mut reports) = app().await;
    drop(app.enqueue("listen", None).await.unwrap());
    let end = reports.recv().await.unwrap();
    assert!(end.contains("the sender was dropped"), "{end}");
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(b"\x93\x01\x00\x91\xa6listen").await;
    raw.expect_pong(2).await;
    drop(raw);
    let end = reports.recv().await.unwrap();
    assert!(end.contains("closed by the other side"), "{end}");
}

#[tokio::test]
async fn sessions_do_not_count_as_invocations() {
    let (app, _server, _locator, _said) = app().await;
    let mut events: Vec<Duplex<Sender<Bytes>, Receiver<Bytes>>> = Vec::new();
    for _ in 0..Limits::default().max_invocations + 100 {
        events.push(app.enqueue("echo", None).await.unwrap());
    }
    for event in events.iter_mut().rev() {
        event.send("x").await.unwrap();
    }
    for event in &mut events {
        assert_eq!(timeout(TIMEOUT, event.recv()).await.expect("an echo").unwrap().unwrap(), "x");
    }
}

#[tokio::test]
async fn sessions_follow_their_trees() {
    let names = TestLocator::default();
    let server = names.serve("127.0.0.1:0").await;
    names.add::<LocatorClient>("locator", server.local_addr());
    let client = cocaine::Client::new(&server.local_addr().to_string()).unwrap();
    let locator = client.service::<LocatorClient>().await.unwrap();
    assert_eq!(Locator::uuid(&locator).await.unwrap(), "uuid");

    let here = [Endpoint(server.local_addr())];
    let published = locator.publish("mine", &here, None).await.unwrap();
    published.rx.await.unwrap();
    assert!(client.resolve("mine", None).await.is_ok());
    published.tx.discard().await.unwrap();
    wait_until("the name is withdrawn", async || client.resolve("mine", None).await.is_err()).await;

    let published = locator.publish("mine", &here, None).await.unwrap();
    published.rx.await.unwrap();
    drop(published.tx);
    wait_until("the name is withdrawn", async || client.resolve("mine", None).await.is_err()).await;

    let mut routing = locator.routing("me").await.unwrap();
    assert_eq!(routing.rx.recv().await.unwrap().unwrap()["me"], [(1, "member".to_owned())]);
    routing.tx.discard().await.unwrap();
    assert!(routing.rx.recv().await.is_none());

    let mut stream = locator.connect("u");
    for _ in 0..3 {
        assert_eq!(stream.recv().await.unwrap().unwrap().0, "u");
    }
    assert!(stream.recv().await.is_none());

    let refused = locator.publish("taken", &here, None).await.unwrap();
    let error = refused.rx.await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
    assert_eq!(Locator::uuid(&locator).await.unwrap(), "uuid", "connected again");
}

#[tokio::test]
async fn panic_is_an_error_for_its_caller_alone() {
    let service = ScriptedStorage::new();
    let (storage, _server, _locator) = storage(&service).await;
    let other = tokio::spawn({
        let storage = storage.clone();
        async move { storage.read("c", "wait").await }
    });
    wait_until("a call has started", async || service.started.load(Ordering::Relaxed) == 1).await;
    let marked = cocaine::ServiceClient::with_header(&storage, "panic", "yes");
    for (storage, key) in [(&storage, "panic"), (&storage, "panic later"), (&marked, "before it is split")] {
        let error = timeout(TIMEOUT, storage.read("c", key)).await.expect("an answer").unwrap_err();
        assert_eq!(error.code(), Some(Code::UNCAUGHT_ERROR), "{key}: {error}");
    }
    service.wait.notify_one();
    assert_eq!(other.await.unwrap().unwrap(), "wait");
    let error = storage.write("c", "k", &Bytes::new(), None).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::PERMISSION_DENIED));
}

#[tokio::test]
async fn panics_do_not_use_up_the_invocations() {
    let service = ScriptedStorage::new();
    let limits = Limits::default().max_invocations(2);
    let server = Server::builder(service.serve()).limits(limits).bind("127.0.0.1:0").await.unwrap();
    let (client, _locator) = cloud::<StorageClient>(&server).await;
    let storage = client.with_header("panic", "yes").service::<StorageClient>().await.unwrap();
    for _ in 0..5 {
        assert!(timeout(TIMEOUT, storage.read("c", "k")).await.expect("an answer").is_err());
    }
    timeout(TIMEOUT, server.shutdown()).await.expect("nothing runs any more");
}

#[tokio::test]
async fn invalid_request_closes_the_connection_silently() {
    let server = Server::bind("127.0.0.1:0", ScriptedStorage::new().serve()).await.unwrap();
    for request in [
        b"\x93\x01\x00\x91\xa1c".as_slice(),
        b"\x93\x01\x00\x92\xa1c\x05",
        b"\x93\x01\x00\x92\xa1c\xc0",
        b"\x93\x01\x01\x94\xa1c\xa1k\xa1v\xc0",
        b"\x93\x01\x09\x90",
        b"\x93\x00\x00\x92\xa1c\xa1k",
        b"\x93\x01\xcd\xff\xfe\x90",
        b"\x93\x01\xcd\xff\xfc\x90",
        b"\x93\x01\x00\xc0",
        b"\x94\x01\x00\x92\xa1c\xa1k\x91\x00",
        b"\xc1",
        &read(1, "unbound"),
    ] {
        let mut raw = RawConnection::connect(server.local_addr()).await;
        raw.write(request).await;
        raw.expect_end().await;
    }
}

#[tokio::test]
async fn pending_answers_precede_closing_after_violation() {
    let server = Server::bind("127.0.0.1:0", ScriptedStorage::new().serve()).await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(&[read(1, "wait"), read(2, "wait"), read(3, "x"), b"\x93\x04\x09\x90".to_vec()].concat()).await;
    raw.expect(&[b"\x94\x03\x00\x91\xa1x", UNTRACED].concat()).await;
    raw.expect_end().await;
}

#[tokio::test]
async fn extra_arguments_are_ignored() {
    let server = Server::bind("127.0.0.1:0", ScriptedStorage::new().serve()).await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(b"\x93\x01\x00\x93\xa1c\xa1k\xc0").await;
    raw.expect(&[b"\x94\x01\x00\x91\xa1k", UNTRACED].concat()).await;
}

#[tokio::test]
async fn request_trace_is_current_and_returned() {
    let server = Server::bind("127.0.0.1:0", ScriptedStorage::new().serve()).await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    let request = read(1, "trace");
    raw.write(&[0x94]).await;
    raw.write(&request[1..]).await;
    raw.write(b"\x93\x93\xc2\x52\xa8\x03\0\0\0\0\0\0\0\x93\xc2\x51\xa8\x02\0\0\0\0\0\0\0\x93\xc2\x50\xa8\x01\0\0\0\0\0\0\0")
        .await;
    raw.expect(
        b"\x94\x01\x00\x91\xa5trace\x93\x93\xc2\xa8trace_id\xa8\x01\0\0\0\0\0\0\0\
        \x93\xc2\xa7span_id\xa8\x02\0\0\0\0\0\0\0\x93\xc2\xa9parent_id\xa8\x03\0\0\0\0\0\0\0",
    )
    .await;
    raw.write(&read(2, "trace")).await;
    raw.expect(&[b"\x94\x02\x00\x91\xa5trace", UNTRACED].concat()).await;
}

#[tokio::test]
async fn reply_header_applies_to_its_method_alone() {
    let builder = Server::builder(ScriptedStorage::new().serve()).reply_header("read", "x", "y");
    let server = builder.bind("127.0.0.1:0").await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(&read(1, "k")).await;
    let headers = [b"\x94", &UNTRACED[1..], b"\x93\xc2\xa1x\xa1y"].concat();
    raw.expect(&[b"\x94\x01\x00\x91\xa1k".as_slice(), &headers].concat()).await;
    raw.write(b"\x93\x02\x02\x92\xa1c\xa1k").await;
    raw.expect(&[b"\x94\x02\x00\x90", UNTRACED].concat()).await;
}

#[tokio::test]
async fn client_that_does_not_read_is_paused() {
    const CALLS: usize = 200;
    let service = ScriptedStorage::new();
    let server = Server::bind("127.0.0.1:0", service.serve()).await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    for channel in 1..=CALLS {
        let request = read(0, "large");
        let id = u16::try_from(channel).unwrap().to_be_bytes();
        raw.write(&[&[0x93, 0xcd, id[0], id[1]], &request[2..]].concat()).await;
    }
    let mut started = usize::MAX;
    while started != service.started.load(Ordering::Relaxed) {
        started = service.started.load(Ordering::Relaxed);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(started < 40, "{started} answers of 1 MiB wait for a client that reads none");
    let mut buffer = vec![0; 1 << 20];
    while service.started.load(Ordering::Relaxed) < CALLS {
        let read = timeout(TIMEOUT, raw.get_mut().read(&mut buffer)).await.expect("more answers").unwrap();
        assert!(read > 0, "the connection ended");
    }
    // The server neither read nor answered this while it had paused reading.
    raw.write(b"\x93\xcd\x7f\xff\xcd\xff\xfd\x90").await;
    let mut tail = Vec::new();
    while !tail.ends_with(&[b"\x94\xcd\x7f\xff\x00\x90", UNTRACED].concat()) {
        let read =
            timeout(TIMEOUT, raw.get_mut().read(&mut buffer)).await.expect("the answer to ping").unwrap();
        assert!(read > 0, "the connection ended");
        tail.extend_from_slice(&buffer[read.saturating_sub(200)..read]);
        tail.drain(..tail.len().saturating_sub(400));
    }
}

/// A logging service in which the source of a line selects whether it waits, fails or panics.
#[derive(Clone, Default)]
struct ScriptedLogging {
    started: Arc<AtomicUsize>,
    wait: Arc<Notify>,
}

impl Logging for ScriptedLogging {
    async fn emit(&self, _: Severity, source: &str, _: &str, _: Option<&[(&str, Scalar)]>) -> Result<()> {
        self.started.fetch_add(1, Ordering::Relaxed);
        match source {
            "wait" => self.wait.notified().await,
            "panic" => panic!("as the caller asked"),
            "fail" => return Err(Error::service(Code::INVALID_VALUE, "no")),
            _ => {}
        }
        Ok(())
    }

    async fn verbosity(&self) -> Result<Severity> {
        Ok(Severity::Info)
    }

    async fn set_verbosity(&self, _: Severity) -> Result<()> {
        Err(Error::unbound())
    }
}

#[tokio::test]
async fn failing_mute_handler_closes_the_connection_silently() {
    let server = Server::bind("127.0.0.1:0", ServeLogging::new(|_: &Caller| ScriptedLogging::default()))
        .await
        .unwrap();
    for source in [b"\xa4fail".as_slice(), b"\xa5panic"] {
        let mut raw = RawConnection::connect(server.local_addr()).await;
        raw.write(b"\x93\x01\x00\x93\x01\xa2ok\xa1m").await;
        raw.expect_pong(2).await;
        raw.write(&[b"\x93\x03\x00\x93\x01".as_slice(), source, b"\xa1m"].concat()).await;
        raw.expect_end().await;
    }
    let (client, _locator) = cloud::<LoggingClient>(&server).await;
    let logging = client.service::<LoggingClient>().await.unwrap();
    let error = logging.set_verbosity(Severity::Debug).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
    assert_eq!(logging.verbosity().await.unwrap(), Severity::Info);
}

#[tokio::test]
async fn queued_calls_do_not_stop_reading() {
    let service = ScriptedLogging::default();
    let made = service.clone();
    let limits = Limits::default().max_invocations(1);
    let dispatch = ServeLogging::new(move |_: &Caller| made.clone());
    let server = Server::builder(dispatch).limits(limits).bind("127.0.0.1:0").await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(b"\x93\x01\x00\x93\x01\xa4wait\xa1m\x93\x02\x00\x93\x01\xa4wait\xa1m").await;
    wait_until("a call has started", async || service.started.load(Ordering::Relaxed) == 1).await;
    service.wait.notify_one();
    wait_until("the next call has started", async || service.started.load(Ordering::Relaxed) == 2).await;
    service.wait.notify_one();
    raw.expect_pong(3).await;
}

/// Decrements the count on drop.
struct RunningGuard(Arc<AtomicUsize>);

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream of one item that never ends.
struct EndlessStream {
    first: bool,
    _alive: RunningGuard,
}

impl Stream for EndlessStream {
    type Item = Result<(String, BTreeMap<String, cocaine::ServiceInfo>)>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.first) {
            return Poll::Ready(Some(Ok(("first".to_owned(), BTreeMap::new()))));
        }
        Poll::Pending
    }
}

/// A locator that only serves streams. Counts those that run.
#[derive(Clone, Default)]
struct StreamLocator(Arc<AtomicUsize>);

impl LocatorServer for StreamLocator {
    async fn resolve(&self, _: &str, _: Option<&str>) -> Result<cocaine::ServiceInfo> {
        Err(Error::unbound())
    }

    fn connect(
        &self,
        _: &str,
    ) -> impl Stream<Item = <EndlessStream as Stream>::Item> + Send + 'static + use<> {
        self.0.fetch_add(1, Ordering::Relaxed);
        EndlessStream { first: true, _alive: RunningGuard(self.0.clone()) }
    }

    async fn refresh(&self, _: &[&str]) -> Result<()> {
        Err(Error::unbound())
    }

    async fn cluster(&self) -> Result<BTreeMap<String, Endpoint>> {
        Err(Error::unbound())
    }

    async fn publish(
        &self,
        _: &str,
        _: &[Endpoint],
        _: Option<(u64, cocaine::graph::Graph)>,
        _: cocaine_bindings::locator::PublishReceiver,
        _: ReplySender<()>,
    ) -> Result<()> {
        Err(Error::unbound())
    }

    async fn routing(
        &self,
        _: &str,
        _: cocaine_bindings::locator::RoutingReceiver,
        _: Sender<BTreeMap<String, Vec<(u32, String)>>>,
    ) -> Result<()> {
        Err(Error::unbound())
    }

    async fn uuid(&self) -> Result<String> {
        Err(Error::unbound())
    }
}

#[tokio::test]
async fn streams_of_a_disconnected_client_are_dropped() {
    let streams = StreamLocator::default();
    let made = streams.clone();
    let server =
        Server::bind("127.0.0.1:0", ServeLocator::new(move |_: &Caller| made.clone())).await.unwrap();
    let alive = || streams.0.load(Ordering::Relaxed);
    let mut raw = RawConnection::connect(server.local_addr()).await;
    let count = Limits::default().max_invocations + 10;
    for id in 1..=count {
        let [high, low] = u16::try_from(id).unwrap().to_be_bytes();
        raw.write(&[0x93, 0xcd, high, low, 1, 0x91, 0xa1, b'u']).await;
    }
    wait_until("all streams run", async || alive() == count).await;
    drop(raw);
    wait_until("all streams are dropped", async || alive() == 0).await;

    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(b"\x93\x01\x01\x91\xa1u").await;
    wait_until("the stream runs", async || alive() == 1).await;
    timeout(TIMEOUT, server.shutdown()).await.expect("a stream does not hold the server up");
    assert_eq!(alive(), 0);
}

#[tokio::test]
async fn shutdown_finishes_running_calls_and_accepts_none() {
    let service = ScriptedStorage::new();
    let (storage, server, _locator) = storage(&service).await;
    let address = server.local_addr();
    let call = tokio::spawn(async move { storage.read("c", "wait").await });
    wait_until("a call has started", async || service.started.load(Ordering::Relaxed) == 1).await;
    let idle = RawConnection::connect(address).await;
    let down = tokio::spawn(server.shutdown());
    let mut idle = idle.into_inner();
    let mut rest = Vec::new();
    timeout(TIMEOUT, idle.read_to_end(&mut rest)).await.expect("idle connections end at once").unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nothing listens any more");
    assert!(!call.is_finished() && !down.is_finished());
    service.wait.notify_one();
    assert_eq!(timeout(TIMEOUT, call).await.unwrap().unwrap().unwrap(), "wait");
    timeout(TIMEOUT, down).await.expect("the last call has ended").unwrap();
}

#[tokio::test]
async fn dropped_server_closes_its_connections() {
    let service = ScriptedStorage::new();
    let (storage, server, _locator) = storage(&service).await;
    let call = tokio::spawn(async move { storage.read("c", "wait").await });
    wait_until("a call has started", async || service.started.load(Ordering::Relaxed) == 1).await;
    drop(server);
    let error = timeout(TIMEOUT, call).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
}

#[tokio::test]
async fn caller_is_passed_to_the_implementation() {
    let callers = Arc::new(Mutex::new(Vec::new()));
    let (seen, service) = (callers.clone(), ScriptedStorage::new());
    let dispatch = ServeStorage::new(move |caller: &Caller| {
        let identity = caller.identity().map(|token| String::from_utf8_lossy(token).into_owned());
        seen.lock().unwrap().push((caller.peer().to_owned(), identity));
        service.clone()
    });
    let server = Server::bind("127.0.0.1:0", dispatch).await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(b"\x94\x01\x02\x92\xa1c\xa1k\x91\x93\xc3\x17\xa7TVM abc\x94\x02\x02\x92\xa1c\xa1k\x91\x53")
        .await;
    raw.write(b"\x93\x03\x02\x92\xa1c\xa1k").await;
    for channel in 1..=3 {
        raw.expect(&[&[0x94, channel, 0, 0x90], UNTRACED].concat()).await;
    }
    let peer = raw.get_mut().local_addr().unwrap().to_string();
    let token = Some("TVM abc".to_owned());
    assert_eq!(
        *callers.lock().unwrap(),
        [(peer.clone(), token.clone()), (peer.clone(), token), (peer, None)]
    );
}
