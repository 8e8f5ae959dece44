//! Peers that vanish without closing their connections.

#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::{net::SocketAddr, time::Duration};

use cocaine::{Client, ServiceClient, server::Server};
use cocaine_bindings::{Locator, LocatorClient};
use test_locator::TestLocator;
use test_support::wait::TIMEOUT;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

/// A locator that is reached through a proxy, as a locator and as the service of that name.
struct Network {
    proxy: SocketAddr,
    /// The number of the freeze: what was connected before it is forwarded no more, and stays open.
    freeze: watch::Sender<u32>,
    _locator: Server,
}

impl Network {
    async fn start() -> Self {
        let names = TestLocator::default();
        let locator = names.serve("127.0.0.1:0").await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (proxy, to) = (listener.local_addr().unwrap(), locator.local_addr());
        names.announce("locator", proxy, LocatorClient::SPEC.graph().with_controls(), 3);
        let (freeze, freezes) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut freezes = freezes.clone();
                freezes.mark_unchanged();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(to).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = freezes.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { proxy, freeze, _locator: locator }
    }

    fn freeze(&self) {
        self.freeze.send_modify(|number| *number += 1);
    }
}

#[tokio::test]
async fn third_call_to_a_vanished_peer_succeeds() {
    let network = Network::start().await;
    let client = Client::builder(&network.proxy.to_string()).unwrap();
    let client = client.deadline(Duration::from_millis(700)).build();
    let locator = client.service::<LocatorClient>().await.unwrap();
    assert_eq!(locator.uuid().await.unwrap(), "uuid");
    network.freeze();
    assert!(locator.uuid().await.unwrap_err().is_timeout());
    let second = locator.uuid().await;
    assert_eq!(locator.uuid().await.unwrap(), "uuid", "the second call: {second:?}");
}

#[tokio::test]
async fn stream_of_a_vanished_peer_fails() {
    let network = Network::start().await;
    let client = Client::builder(&network.proxy.to_string()).unwrap();
    let client = client.keep_alive(Duration::from_millis(600)).build();
    let locator = client.service::<LocatorClient>().await.unwrap();
    let mut routing = locator.routing("router").await.unwrap();
    routing.rx.recv().await.unwrap().unwrap();
    assert!(timeout(Duration::from_secs(2), routing.rx.recv()).await.is_err(), "pings are answered");
    network.freeze();
    let error = timeout(TIMEOUT, routing.rx.recv()).await.unwrap().unwrap().unwrap_err();
    assert!(error.is_disconnected(), "{error}");
    assert_eq!(locator.uuid().await.unwrap(), "uuid");
}

#[tokio::test]
async fn silent_locator_is_passed_over_within_short_deadlines() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let network = Network::start().await;
    let locators = format!("{},{}", silent.local_addr().unwrap(), network.proxy);
    for millis in [50, 300, 1000] {
        let client = Client::builder(&locators).unwrap().deadline(Duration::from_millis(millis)).build();
        let mut outcomes = Vec::new();
        for _ in 0..3 {
            outcomes.push(client.resolve("locator", None).await.map(drop));
        }
        assert!(outcomes.iter().any(Result::is_ok), "{millis} ms: {outcomes:?}");
    }
}
