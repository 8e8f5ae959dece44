//! Methods whose caller ends a subscription or a lock with `close`, over typed clients and raw frames.

#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use cocaine::{Client, Code, Error, Guard, Result, Stream, Value, server::Server};
use cocaine_bindings::{Children, ServeUnicorn, Unicorn, UnicornClient, Versioned};
use futures_util::StreamExt as _;
use test_locator::cloud;
use test_support::{
    frame::UNTRACED,
    raw::RawConnection,
    wait::{TIMEOUT, wait_until},
};
use tokio::{
    sync::{Mutex, Notify, mpsc},
    time::timeout,
};

/// A unicorn with one lock. Reports each subscription, lock and wait that is dropped.
#[derive(Clone)]
struct TestUnicorn {
    lock: Arc<Mutex<()>>,
    requests: Arc<AtomicUsize>,
    session_lost: Arc<Notify>,
    dropped: mpsc::UnboundedSender<&'static str>,
}

/// Sends its name when it is dropped.
struct DropSignal(&'static str, mpsc::UnboundedSender<&'static str>);

impl Drop for DropSignal {
    fn drop(&mut self) {
        let _ = self.1.send(self.0);
    }
}

fn at(version: i64) -> Versioned {
    Versioned { value: Value::from("v"), version }
}

impl Unicorn for TestUnicorn {
    fn subscribe(&self, path: &str) -> impl Stream<Item = Result<Versioned>> + Send + 'static + use<> {
        let signal = Arc::new(DropSignal("subscription", self.dropped.clone()));
        let removed = Error::service(Code::NO_NODE, "removed");
        let first = futures_util::stream::iter([Ok(at(0)), Ok(at(1))]);
        let last = futures_util::stream::iter((path == "/removed").then_some(Err(removed)));
        let never = futures_util::stream::pending();
        first.chain(last).chain(never).map(move |item| (item, signal.clone())).map(|(item, _)| item)
    }

    fn children_subscribe(&self, _: &str) -> impl Stream<Item = Result<Children>> + Send + 'static + use<> {
        futures_util::stream::iter([Ok(Children { version: 1, names: vec!["one".to_owned()] })])
    }

    async fn put(&self, _: &str, value: &Value, version: i64) -> Result<Result<Versioned, Versioned>> {
        Ok(if version == 0 { Ok(Versioned { value: value.clone(), version: 1 }) } else { Err(at(7)) })
    }

    async fn get(&self, path: &str) -> Result<Versioned> {
        match path {
            "/" => Err(Error::service(Code::INVALID_PATH, "root path is not allowed")),
            "/none" => Ok(Versioned { value: Value::Nil, version: -1 }),
            _ => Ok(at(0)),
        }
    }

    async fn create(&self, _: &str, _: &Value) -> Result<bool> {
        Ok(true)
    }

    async fn del(&self, path: &str, version: i64) -> Result<bool> {
        self.remove(path, version).await
    }

    async fn remove(&self, _: &str, _: i64) -> Result<bool> {
        Ok(true)
    }

    async fn increment(&self, _: &str, value: &Value) -> Result<Versioned> {
        Ok(Versioned { value: value.clone(), version: 0 })
    }

    async fn lock(&self, path: &str) -> Result<Guard> {
        if path == "/" {
            return Err(Error::service(Code::INVALID_PATH, "root path is not allowed"));
        }
        let signal = DropSignal("wait", self.dropped.clone());
        self.requests.fetch_add(1, Ordering::Relaxed);
        let guard = self.lock.clone().lock_owned().await;
        std::mem::forget(signal);
        Ok(Guard::new((guard, DropSignal("lock", self.dropped.clone()))))
    }

    async fn named_lock(&self, _: &str, _: &Value) -> Result<Guard> {
        let signal = self.session_lost.clone();
        let lost = async move {
            signal.notified().await;
            Error::service(Code::CONNECTION_LOSS, "session lost")
        };
        Ok(Guard::with_loss(DropSignal("named lock", self.dropped.clone()), lost))
    }
}

/// A server of the unicorn, a locator, and a client.
struct Cloud {
    client: Client,
    unicorn: UnicornClient,
    tree: TestUnicorn,
    dropped: mpsc::UnboundedReceiver<&'static str>,
    server: Server,
    _locator: Server,
}

impl Cloud {
    async fn start() -> Self {
        let (signal, dropped) = mpsc::unbounded_channel();
        let tree = TestUnicorn {
            lock: Arc::default(),
            requests: Arc::default(),
            session_lost: Arc::default(),
            dropped: signal,
        };
        let service = tree.clone();
        let server = Server::bind("127.0.0.1:0", ServeUnicorn::new(move |_| service.clone())).await.unwrap();
        let (client, locator) = cloud::<UnicornClient>(&server).await;
        let unicorn = client.service().await.unwrap();
        Self { client, unicorn, tree, dropped, server, _locator: locator }
    }

    /// Returns the name of what is dropped next.
    async fn next_dropped(&mut self) -> &'static str {
        timeout(TIMEOUT, self.dropped.recv()).await.expect("something is dropped").unwrap()
    }

    /// Waits until `count` locks have been requested.
    async fn wait_for_requests(&self, count: usize) {
        let requests = async || self.tree.requests.load(Ordering::Relaxed) >= count;
        wait_until("another lock is requested", requests).await;
    }
}

#[tokio::test]
async fn values_are_read_and_written() {
    let cloud = Cloud::start().await;
    let unicorn = &cloud.unicorn;
    assert_eq!(unicorn.get("/a").await.unwrap(), at(0));
    assert_eq!(unicorn.get("/none").await.unwrap(), Versioned { value: Value::Nil, version: -1 });
    assert_eq!(unicorn.get("/").await.unwrap_err().code(), Some(Code::INVALID_PATH));
    let value = Value::from(5);
    let stored = unicorn.put("/a", &value, 0).await.unwrap();
    assert_eq!(stored, Ok(Versioned { value: value.clone(), version: 1 }));
    assert_eq!(unicorn.put("/a", &value, 1).await.unwrap(), Err(at(7)));
    assert_eq!(unicorn.increment("/a", &value).await.unwrap().value, value);
    assert!(unicorn.create("/a", &Value::Nil).await.unwrap() && unicorn.del("/a", -1).await.unwrap());
    let untyped = cloud.client.dynamic("unicorn").await.unwrap();
    assert_eq!(untyped.call::<_, Versioned>("get", ("/a",)).await.unwrap(), at(0));
}

#[tokio::test]
async fn subscription_ends_when_its_receiver_is_dropped() {
    let mut cloud = Cloud::start().await;
    let mut changes = cloud.unicorn.subscribe("/a");
    assert_eq!(changes.recv().await.unwrap().unwrap(), at(0));
    assert_eq!(changes.recv().await.unwrap().unwrap(), at(1));
    drop(changes);
    assert_eq!(cloud.next_dropped().await, "subscription");
    let mut removed = cloud.unicorn.subscribe("/removed");
    let items = [removed.recv().await, removed.recv().await, removed.recv().await, removed.recv().await];
    assert!(
        matches!(&items, [Some(Ok(_)), Some(Ok(_)), Some(Err(error)), None] if error.code() == Some(Code::NO_NODE))
    );
    assert_eq!(cloud.next_dropped().await, "subscription");
    let mut children = cloud.unicorn.children_subscribe("/a");
    assert_eq!(children.recv().await.unwrap().unwrap().names, ["one"]);
    assert!(children.recv().await.is_none());
}

#[tokio::test]
async fn lock_is_held_until_dropped() {
    let mut cloud = Cloud::start().await;
    let lock = cloud.unicorn.lock("/l").await.unwrap();
    let second = tokio::spawn({
        let unicorn = cloud.unicorn.clone();
        async move { unicorn.lock("/l").await }
    });
    cloud.wait_for_requests(2).await;
    assert!(!second.is_finished());
    drop(lock);
    assert_eq!(cloud.next_dropped().await, "lock");
    let lock = timeout(TIMEOUT, second).await.unwrap().unwrap().unwrap();
    let third = tokio::spawn({
        let unicorn = cloud.unicorn.clone();
        async move { unicorn.lock("/l").await }
    });
    cloud.wait_for_requests(3).await;
    third.abort();
    assert_eq!(cloud.next_dropped().await, "wait", "the service gives up a wait that its caller gave up");
    drop(lock);
    assert_eq!(cloud.next_dropped().await, "lock");
    assert_eq!(cloud.unicorn.lock("/").await.unwrap_err().code(), Some(Code::INVALID_PATH));
}

#[tokio::test]
async fn lost_lock_reports_the_reason() {
    let mut cloud = Cloud::start().await;
    let mut lock = cloud.unicorn.named_lock("/l", &Value::from("owner")).await.unwrap();
    cloud.tree.session_lost.notify_one();
    assert_eq!(timeout(TIMEOUT, lock.lost()).await.unwrap().code(), Some(Code::CONNECTION_LOSS));
    assert_eq!(cloud.next_dropped().await, "named lock");
}

/// The frames are those of `unicorn/lock`, `unicorn/subscribe` and `unicorn/create_get_put_del`.
#[tokio::test]
async fn frames_equal_the_recorded_ones() {
    let mut cloud = Cloud::start().await;
    let mut raw = RawConnection::connect(cloud.server.local_addr()).await;
    let reply = |frame: &[u8]| [&[0x94], frame, UNTRACED].concat();
    raw.write(b"\x93\x01\x08\x91\xa2/l").await;
    raw.expect(&reply(b"\x01\x00\x91\xc3")).await;
    raw.write(b"\x93\x01\x00\x90").await;
    assert_eq!(cloud.next_dropped().await, "lock");
    raw.expect_pong(2).await;

    raw.write(b"\x93\x03\x00\x91\xa2/a").await;
    raw.expect(&reply(b"\x03\x00\x91\x92\xa1v\x00")).await;
    raw.expect(&reply(b"\x03\x00\x91\x92\xa1v\x01")).await;
    raw.write(b"\x93\x03\x00\x90").await;
    assert_eq!(cloud.next_dropped().await, "subscription");

    raw.write(b"\x93\x04\x01\x91\xa2/a").await;
    raw.expect(&reply(b"\x04\x00\x92\x01\x91\xa3one")).await;
    raw.expect(&reply(b"\x04\x02\x90")).await;
    raw.write(b"\x93\x04\x00\x90").await;

    raw.write(b"\x93\x05\x02\x93\xa2/a\xa1x\x00").await;
    raw.expect(&reply(b"\x05\x00\x92\xc3\x92\xa1x\x01")).await;
    raw.write(b"\x93\x05\x00\x90").await;
    raw.write(b"\x93\x06\x02\x93\xa2/a\xa1x\x09").await;
    raw.expect(&reply(b"\x06\x00\x92\xc2\x92\xa1v\x07")).await;
    raw.expect_pong(7).await;
    raw.write(b"\x93\x06\x00\x90").await;
    raw.expect_pong(8).await;
    raw.write(b"\x93\x06\x00\x90").await;
    raw.expect_end().await;
}

#[tokio::test]
async fn disconnected_client_loses_its_locks_and_waits() {
    let mut cloud = Cloud::start().await;
    let mut holder = RawConnection::connect(cloud.server.local_addr()).await;
    holder.write(b"\x93\x01\x08\x91\xa2/l").await;
    cloud.wait_for_requests(1).await;
    let mut waiter = RawConnection::connect(cloud.server.local_addr()).await;
    waiter.write(b"\x93\x01\x08\x91\xa2/l").await;
    cloud.wait_for_requests(2).await;
    drop(waiter);
    assert_eq!(cloud.next_dropped().await, "wait");
    drop(holder);
    assert_eq!(cloud.next_dropped().await, "lock");
    let mut revoker = RawConnection::connect(cloud.server.local_addr()).await;
    revoker.write(b"\x93\x01\x08\x91\xa2/l").await;
    revoker.expect(&[&[0x94, 1, 0, 0x91, 0xc3], UNTRACED].concat()).await;
    revoker.write(b"\x93\x02\xcd\xff\xff\x92\x01\x92\x07\x04").await;
    revoker.expect(&[&[0x94, 2, 0, 0x90], UNTRACED].concat()).await;
    assert_eq!(cloud.next_dropped().await, "lock");
    revoker.expect_pong(3).await;
}

#[tokio::test]
async fn lock_without_a_path_closes_the_connection() {
    let cloud = Cloud::start().await;
    let mut raw = RawConnection::connect(cloud.server.local_addr()).await;
    raw.write(b"\x93\x01\x08\x91\x05").await;
    raw.expect_end().await;
}
