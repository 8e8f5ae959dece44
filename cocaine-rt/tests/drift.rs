//! Bindings that differ from the graph that the service announces.

#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use cocaine::{
    Client, Compatibility, Error, ErrorKind, Fault, ServiceClient,
    graph::{Edge, Graph, Method, Tree, TreeNode},
    server::Server,
};
use cocaine_bindings::{Storage, StorageClient};
use test_locator::TestLocator;
use test_support::frame::UNTRACED;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tracing_subscriber::{filter::LevelFilter, util::SubscriberInitExt};

/// Starts a server that answers each call of less than 128 bytes with the id of its method, as a text. It closes the
/// connection on a call that ends in `bye`.
async fn id_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut frame = [0; 128];
                while let Ok(length @ 1..) = stream.read(&mut frame).await {
                    if frame[..length].ends_with(b"bye") {
                        return;
                    }
                    let reply = [&[0x94, frame[1], 0, 0x91, 0xa1, b'0' + frame[2]], UNTRACED].concat();
                    stream.write_all(&reply).await.unwrap();
                }
            });
        }
    });
    address
}

/// Starts a storage that announces these methods, and a locator. Returns a client, the locator, and the address of
/// the storage.
async fn announce(policy: Compatibility, version: u64, methods: Vec<Method>) -> (Client, Server, SocketAddr) {
    let (names, address) = (TestLocator::default(), id_server().await);
    names.announce("storage", address, Graph::new(methods).with_controls(), version);
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::builder(&locator.local_addr().to_string()).unwrap().compatibility(policy).build();
    (client, locator, address)
}

fn unary(id: u64, name: &str) -> Method {
    Method { id, name: name.into(), dispatch: Tree::end(), upstream: Tree::primitive() }
}

fn expected_methods() -> Vec<Method> {
    StorageClient::SPEC.graph().methods().cloned().collect()
}

/// `write` is missing, `read` and `find` have moved, `remove` has another tree.
fn changed_methods() -> Vec<Method> {
    let edges = [(0, "value"), (1, "error"), (2, "later")];
    let edges = edges.map(|(id, name)| Edge { id, name: name.into(), next: Tree::end() });
    let upstream = Tree::Node(Arc::new(TreeNode::new(edges)));
    let remove = Method { upstream, ..unary(2, "remove") };
    vec![unary(0, "find"), unary(1, "list"), remove, unary(7, "read")]
}

fn assert_names(error: &Error, address: SocketAddr, expected: &str, found: &str) {
    let ErrorKind::SchemaMismatch { expected: named, found: seen } = error.kind() else { panic!("{error}") };
    assert!(named.contains(expected), "expected {named}");
    assert!(seen.contains(found), "found {seen}");
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("storage"), "{text}");
    assert_eq!(error.fault(), Fault::Caller);
}

#[tokio::test]
async fn moved_method_is_called_by_its_new_id() {
    let (client, _locator, _) = announce(Compatibility::Lenient, 1, changed_methods()).await;
    let storage = client.service::<StorageClient>().await.unwrap();
    assert_eq!(storage.read("c", "k").await.unwrap(), "7");
}

#[tokio::test]
async fn missing_or_reshaped_method_fails_when_called() {
    let (client, _locator, address) = announce(Compatibility::Lenient, 9, changed_methods()).await;
    let storage = client.service::<StorageClient>().await.unwrap();
    let error = storage.write("c", "k", &"v".into(), None).await.unwrap_err();
    assert_names(&error, address, "method 1", "no such method");
    assert_eq!((error.service_name(), error.method()), (Some("storage"), Some("write")));
    let error = storage.remove("c", "k").await.unwrap_err();
    assert_names(&error, address, "{0: value, 1: error}", "{0: value, 1: error, 2: later}");
    assert_eq!(error.method(), Some("remove"));
    assert_eq!(storage.read("c", "k").await.unwrap(), "7", "the connection goes on");
}

#[tokio::test]
async fn exact_policy_refuses_any_difference() {
    let (client, _locator, _) = announce(Compatibility::Exact, 1, expected_methods()).await;
    assert!(client.service::<StorageClient>().await.is_ok());
    let mut extended = expected_methods();
    extended.push(unary(9, "sweep"));
    for (version, methods, expected, found) in [
        (2, expected_methods(), "version 1", "version 2"),
        (1, extended, "nothing", "`sweep` as method 9"),
        (1, changed_methods(), "`read` as method 0", "`find` as method 0"),
    ] {
        let (client, _locator, address) = announce(Compatibility::Exact, version, methods).await;
        let error = client.service::<StorageClient>().await.unwrap_err();
        assert_names(&error, address, expected, found);
    }
}

#[tokio::test]
async fn policy_off_trusts_the_bindings() {
    let (client, _locator, _) = announce(Compatibility::Unchecked, 9, changed_methods()).await;
    let storage = client.service::<StorageClient>().await.unwrap();
    assert_eq!(storage.read("c", "k").await.unwrap(), "0");
}

#[tokio::test]
async fn untyped_call_uses_the_announced_id() {
    let (client, _locator, address) = announce(Compatibility::Exact, 9, changed_methods()).await;
    let storage = client.dynamic("storage").await.unwrap();
    assert_eq!(storage.call::<_, String>("read", ("c", "k")).await.unwrap(), "7");
    let error = storage.call::<_, String>("write", ("c", "k")).await.unwrap_err();
    assert_names(&error, address, "a method `write`", "only find, list, remove, read");
}

/// Collects the lines of the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        log.lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn differences_are_logged_once_across_reconnects() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_writer(move || writer.clone()).with_max_level(LevelFilter::INFO);
    let _logged = subscriber.without_time().with_ansi(false).with_target(false).finish().set_default();
    let (client, _locator, address) = announce(Compatibility::Lenient, 9, changed_methods()).await;
    let storage = client.service::<StorageClient>().await.unwrap();
    let at = format!("service=storage endpoint={address}");
    let lost = "a method differs from the bindings: calls of it will fail";
    let moved = "a method has another id than in the bindings; calls use the id of the service";
    let value = "answers {0: value, 1: error}";
    let expected = [
        format!(" INFO the service has another version than the bindings {at} expected=1 found=9"),
        format!(" INFO {moved} {at} method=\"read\" expected=0 found=7"),
        format!(
            " WARN {lost} {at} method=\"write\" expected=\"method 1 that takes {{}} and {value}\" \
             found=\"no such method\""
        ),
        format!(
            " WARN {lost} {at} method=\"remove\" expected=\"method 2 that takes {{}} and {value}\" \
             found=\"method 2 that takes {{}} and answers {{0: value, 1: error, 2: later}}\""
        ),
        format!(" INFO {moved} {at} method=\"find\" expected=3 found=0"),
    ];
    assert_eq!(log.lines(), expected);

    storage.read("c", "bye").await.unwrap_err();
    assert_eq!(storage.read("c", "k").await.unwrap(), "7", "connected again");
    client.service::<StorageClient>().await.unwrap();
    storage.write("c", "k", &"v".into(), None).await.unwrap_err();
    assert_eq!(log.lines(), expected);
}

#[tokio::test]
async fn matching_or_trusted_bindings_log_nothing() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_writer(move || writer.clone()).with_max_level(LevelFilter::INFO);
    let _logged = subscriber.finish().set_default();
    for (policy, version, methods) in [
        (Compatibility::Lenient, 1, expected_methods()),
        (Compatibility::Exact, 1, expected_methods()),
        (Compatibility::Unchecked, 9, changed_methods()),
    ] {
        let (client, _locator, _) = announce(policy, version, methods).await;
        client.service::<StorageClient>().await.unwrap();
    }
    assert_eq!(log.lines(), [""; 0]);
}
