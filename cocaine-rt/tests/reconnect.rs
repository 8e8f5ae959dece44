//! Reconnecting: services and locators that stop, restart, hang up or stay silent.

mod read_storage;
#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use cocaine::{
    Client, Code, Endpoint, Error, ErrorKind, Fault, Result, ServiceClient, ServiceInfo, server::Server,
};
use cocaine_bindings::{AppClient, LoggingClient, Storage, StorageClient};
use read_storage::serve_reads;
use test_locator::{TestLocator, cloud};
use test_support::{
    address::ReservedAddress,
    wait::{TIMEOUT, wait_until},
};
use tokio::{
    net::{TcpListener, ToSocketAddrs},
    task::JoinSet,
    time::timeout,
};

/// Serves a storage that returns each key as its blob, and never answers for the key `wait`.
async fn serve(address: impl ToSocketAddrs) -> Server {
    serve_counted(address, &Arc::default()).await
}

/// As [`serve`], with a count of the reads.
async fn serve_counted(address: impl ToSocketAddrs, reads: &Arc<AtomicUsize>) -> Server {
    let reads = reads.clone();
    let read = move |key: &str| {
        reads.fetch_add(1, Ordering::Relaxed);
        let key = key.to_owned();
        async move {
            if key == "wait" {
                std::future::pending::<()>().await;
            }
            Ok(key.as_str().into())
        }
    };
    serve_reads(address, read).await
}

/// Starts a server that closes each connection at once. Returns its address and the number of connections.
async fn closing_server() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            drop(stream);
        }
    });
    (address, count)
}

#[tokio::test]
async fn calls_in_flight_fail_and_later_ones_reconnect() {
    let (address, reads) = (ReservedAddress::new(), Arc::default());
    let server = serve_counted(address.get(), &reads).await;
    let (client, _locator) = cloud::<StorageClient>(&server).await;
    let storage = client.service::<StorageClient>().await.unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let storage = storage.clone();
        calls.spawn(async move { storage.read("c", "wait").await });
    }
    wait_until("all calls have arrived", async || reads.load(Ordering::Relaxed) == 10).await;
    drop(server);
    for result in timeout(TIMEOUT, calls.join_all()).await.expect("calls fail at once") {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
        assert_eq!((error.endpoint(), error.method()), (Some(&*address.get().to_string()), Some("read")));
        assert!(!error.is_safe_to_retry());
    }
    assert_eq!(reads.load(Ordering::Relaxed), 10, "nothing is sent twice");
    let error = storage.read("c", "down").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(_)) && error.is_safe_to_retry(), "{error}");
    assert!(error.to_string().contains(&address.get().to_string()), "{error}");
    let _server = serve(address.get()).await;
    assert_eq!(storage.read("c", "again").await.unwrap(), "again");
}

#[tokio::test]
async fn restart_between_calls_goes_unnoticed() {
    let (names, address) = (TestLocator::default(), ReservedAddress::new());
    let mut server = serve("127.0.0.1:0").await;
    names.add::<StorageClient>("storage", server.local_addr());
    let mut locator = names.serve(address.get()).await;
    let storage = Client::new(&address.get().to_string()).unwrap().service::<StorageClient>().await.unwrap();
    for round in 0..3 {
        let key = round.to_string();
        assert_eq!(timeout(TIMEOUT, storage.read("c", &key)).await.unwrap().unwrap(), &key);
        server.shutdown().await;
        locator.shutdown().await;
        // The server moves to another port, so the client must resolve the name again.
        server = serve("127.0.0.1:0").await;
        names.add::<StorageClient>("storage", server.local_addr());
        locator = names.serve(address.get()).await;
        // Until the client has seen the end of the connection, it may send a call into it.
        wait_until("the client has seen the end", async || storage.service().endpoint().is_none()).await;
    }
}

#[tokio::test]
async fn callers_share_a_failed_connection_attempt() {
    let address = ReservedAddress::new();
    let server = serve(address.get()).await;
    let (client, _locator) = cloud::<StorageClient>(&server).await;
    let storage = client.service::<StorageClient>().await.unwrap();
    drop(server);
    wait_until("the client has seen the end", async || storage.service().endpoint().is_none()).await;
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let storage = storage.clone();
        calls.spawn(async move { storage.read("c", "k").await });
    }
    let results = timeout(TIMEOUT, calls.join_all()).await.expect("the callers wait for one attempt");
    for result in results {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error}");
    }
}

#[tokio::test]
async fn service_that_hangs_up_is_retried_with_pauses() {
    let (service, attempts) = closing_server().await;
    let names = TestLocator::default();
    names.add::<StorageClient>("storage", service);
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::new(&locator.local_addr().to_string()).unwrap();
    let storage = client.service::<StorageClient>().await.unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(700) {
        storage.read("c", "k").await.unwrap_err();
    }
    let attempts = attempts.load(Ordering::Relaxed);
    assert!((2..=8).contains(&attempts), "{attempts} attempts with pauses of 50 ms and more");
}

/// Runs 50 callers at once, and returns the errors of those that fail.
async fn run_callers<F>(call: impl Fn() -> F) -> Vec<Error>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut callers = JoinSet::new();
    (0..50).for_each(|_| drop(callers.spawn(call())));
    let results = timeout(TIMEOUT, callers.join_all()).await.expect("no caller waits for ever");
    results.into_iter().filter_map(Result::err).collect()
}

#[tokio::test]
async fn callers_share_connections_to_closing_locator() {
    let (locator, attempts) = closing_server().await;
    let client = Client::new(&locator.to_string()).unwrap();
    for round in 1..=4 {
        let errors = run_callers(|| {
            let client = client.clone();
            async move { client.resolve("storage", None).await.map(drop) }
        });
        let errors = errors.await;
        assert_eq!(errors.len(), 50);
        assert!(errors.iter().all(|error| error.fault() == Fault::Network), "{}", errors[0]);
        assert_eq!(attempts.load(Ordering::Relaxed), round, "one connection for all callers");
    }
}

#[tokio::test]
async fn services_share_the_pauses_of_an_endpoint() {
    let (service, attempts) = closing_server().await;
    let names = TestLocator::default();
    names.add::<StorageClient>("storage", service);
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::new(&locator.local_addr().to_string()).unwrap();
    let call = || {
        let client = client.clone();
        async move { client.service::<StorageClient>().await?.read("c", "k").await.map(drop) }
    };
    assert_eq!(run_callers(call).await.len(), 50);
    let first = attempts.load(Ordering::Relaxed);
    for round in 1..=3 {
        assert_eq!(run_callers(call).await.len(), 50);
        assert_eq!(attempts.load(Ordering::Relaxed) - first, round, "one service connects for all");
    }
}

#[tokio::test]
async fn calls_that_cost_connections_are_not_slowed_down() {
    let server = serve("127.0.0.1:0").await;
    let names = TestLocator::default();
    names.announce("storage", server.local_addr(), StorageClient::SPEC.graph().with_controls(), 1);
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::new(&locator.local_addr().to_string()).unwrap();
    // If these calls counted as failures of the endpoint, the pauses would soon be longer than the deadline.
    let client = client.with_deadline(Duration::from_secs(1));
    for _ in 0..12 {
        // The server closes the connection for wrong arguments, without an answer.
        let storage = client.dynamic("storage").await.unwrap();
        let error = storage.call::<_, ()>("read", (1, 2)).await.unwrap_err();
        assert!(error.is_disconnected(), "{error}");
    }
}

#[tokio::test]
async fn answering_endpoint_is_used_without_pauses() {
    let server = serve("127.0.0.1:0").await;
    let (client, _locator) = cloud::<StorageClient>(&server).await;
    let client = client.with_deadline(Duration::from_secs(1));
    for _ in 0..20 {
        // Each of these connections is short-lived, and closed by this side.
        client.service::<StorageClient>().await.unwrap().read("c", "k").await.unwrap();
    }
}

#[tokio::test]
async fn thousands_of_dead_endpoints_are_passed_over() {
    let server = serve("127.0.0.1:0").await;
    let names = TestLocator::default();
    let closed = ReservedAddress::new();
    let port = closed.get().port();
    let dead = (0..2000_u16).map(|host| {
        let [high, low] = host.to_be_bytes();
        Endpoint((std::net::Ipv4Addr::new(127, 1, high, low), port).into())
    });
    let info = |endpoints| ServiceInfo { endpoints, version: 1, graph: StorageClient::SPEC.graph() };
    names.insert("dead", info(dead.clone().collect()));
    names.insert("alive", info(dead.chain([Endpoint(server.local_addr())]).collect()));
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::new(&locator.local_addr().to_string()).unwrap();
    let text = client.service_named::<StorageClient>("dead").await.unwrap_err().to_string();
    assert!(text.contains("2000 failed in total") && text.len() < 1000, "{text}");
    let alive = client.service_named::<StorageClient>("alive").await.unwrap();
    assert_eq!(alive.read("c", "k").await.unwrap(), "k");
}

#[tokio::test]
async fn each_service_that_fails_to_connect_is_named() {
    let server = serve("127.0.0.1:0").await;
    let names = TestLocator::default();
    names.add::<StorageClient>("storage", server.local_addr());
    let closed = ReservedAddress::new();
    names.add::<AppClient>("app", closed.get());
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::new(&locator.local_addr().to_string()).unwrap();
    let error = client.services::<(StorageClient, LoggingClient, AppClient)>().await.unwrap_err();
    let ErrorKind::Multiple(errors) = error.kind() else { panic!("{error}") };
    let failed: Vec<_> = errors.iter().map(|error| error.service_name().unwrap()).collect();
    assert_eq!(failed, ["logging", "app"]);
    assert_eq!(errors[0].code(), Some(Code::SERVICE_NOT_AVAILABLE));
    assert!(error.to_string().contains("service is not available"), "{error}");
    names.add::<AppClient>("app", server.local_addr());
    assert!(client.services::<(StorageClient, AppClient)>().await.is_ok());
}

#[tokio::test]
async fn first_locator_that_answers_is_used() {
    let server = serve("127.0.0.1:0").await;
    let (_, locator) = cloud::<StorageClient>(&server).await;
    let reserved = ReservedAddress::new();
    let (open, closed) = (locator.local_addr(), reserved.get());
    let (closing, _) = closing_server().await;
    for locators in
        [format!("{closed},{open}"), format!("{open},{closed}"), format!(" {closed} , {closed},{open}")]
    {
        let client = Client::new(&locators).unwrap();
        assert!(client.service::<StorageClient>().await.is_ok(), "{locators}");
    }
    let error =
        Client::new(&format!("{closed},{closing}")).unwrap().resolve("storage", None).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Network, "{error}");
    let error =
        Client::new(&format!("{closed},{closed}")).unwrap().resolve("storage", None).await.unwrap_err();
    assert_eq!(error.to_string().matches(&closed.to_string()).count(), 2, "the error names each: {error}");
}

#[tokio::test]
async fn silent_locator_gives_way_to_the_next() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = serve("127.0.0.1:0").await;
    let (_, locator) = cloud::<StorageClient>(&server).await;
    let locators = format!("{},{}", silent.local_addr().unwrap(), locator.local_addr());
    let client = Client::new(&locators).unwrap();
    assert!(timeout(TIMEOUT, client.resolve("storage", None)).await.unwrap().is_ok());
    let start = Instant::now();
    assert!(client.resolve("storage", None).await.is_ok());
    assert!(start.elapsed() < Duration::from_secs(2), "the client remembers the locator that answered");
}

#[tokio::test]
async fn locator_is_reached_by_name_and_over_ipv6() {
    let server = serve("127.0.0.1:0").await;
    let (_, locator) = cloud::<StorageClient>(&server).await;
    let client = Client::new(&format!("localhost:{}", locator.local_addr().port())).unwrap();
    assert!(
        client.resolve("storage", None).await.is_ok(),
        "localhost may resolve to ::1 first, where nothing listens"
    );
    let Ok(probe) = TcpListener::bind("[::1]:0").await else { return };
    drop(probe);
    let names = TestLocator::default();
    let server = serve("[::1]:0").await;
    names.add::<StorageClient>("storage", server.local_addr());
    let locator = names.serve("[::1]:0").await;
    let client = Client::new(&locator.local_addr().to_string()).unwrap();
    let storage = client.service::<StorageClient>().await.unwrap();
    assert_eq!(storage.read("c", "six").await.unwrap(), "six");
    assert_eq!(storage.service().endpoint().as_deref(), Some(&*server.local_addr().to_string()));
}

#[tokio::test]
async fn endpoints_are_tried_in_order() {
    let server = serve("127.0.0.1:0").await;
    let names = TestLocator::default();
    let closed = ReservedAddress::new();
    let endpoints = vec![Endpoint(closed.get()), Endpoint(server.local_addr())];
    let graph = StorageClient::SPEC.graph();
    names.insert("storage", ServiceInfo { endpoints, version: 1, graph: graph.clone() });
    names.insert("gone", ServiceInfo { endpoints: Vec::new(), version: 1, graph });
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::new(&locator.local_addr().to_string()).unwrap();
    assert!(client.service::<StorageClient>().await.unwrap().read("c", "k").await.is_ok());
    let error = client.service_named::<StorageClient>("gone").await.unwrap_err();
    assert_eq!(error.to_string(), "gone: cannot connect: the locator names no endpoint");
}
