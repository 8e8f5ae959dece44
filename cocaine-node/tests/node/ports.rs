//! The ports of the services: pinned, and from a range.

use std::{collections::BTreeMap, net::TcpListener};

use cocaine::Client;
use cocaine_bindings::{Locator, LocatorClient};
use cocaine_node::{Node, config::NetworkConfig};
use test_support::address::ReservedPorts;

/// How many services a node runs besides the locator.
const SERVICES: u16 = 13;

fn network(pinned: &[(&str, u16)], shared: Option<(u16, u16)>) -> NetworkConfig {
    let mut network = NetworkConfig::default();
    network.pinned.extend(pinned.iter().map(|(name, port)| ((*name).to_owned(), *port)));
    network.shared = shared;
    network
}

async fn start(listen: &str, network: NetworkConfig) -> Result<Node, String> {
    let node = Node::builder().listen(listen).network(network).start().await;
    node.map_err(|error| error.to_string())
}

/// Returns the ports of all services of a node but the locator.
async fn ports(node: &Node) -> BTreeMap<String, Vec<u16>> {
    let client = Client::new(&node.locator_addr().to_string()).unwrap();
    let locator: LocatorClient = client.service().await.unwrap();
    let (_, services) = locator.connect("subscriber").recv().await.unwrap().unwrap();
    let ports = |service: &cocaine::ServiceInfo| {
        service.endpoints.iter().map(|endpoint| endpoint.port()).collect::<Vec<_>>()
    };
    // Not announced to other nodes.
    let stream = client.resolve("logging::stream", None).await.unwrap();
    let announced = services.iter().map(|(name, service)| (name.clone(), ports(service)));
    announced.chain([("logging::stream".to_owned(), ports(&stream))]).collect()
}

#[tokio::test]
async fn services_get_pinned_ports_and_those_of_range() {
    let reserved = ReservedPorts::new(SERVICES + 1);
    let (first, last) = reserved.range().into_inner();
    // The port of another program is passed over, and that of the pinned service is for no other.
    let _other = TcpListener::bind(("127.0.0.1", first + 1)).unwrap();
    let node = start("127.0.0.1:0", network(&[("unicorn", first)], Some((first, last)))).await.unwrap();
    let ports = ports(&node).await;
    assert_eq!(ports.len(), usize::from(SERVICES));
    assert_eq!((&ports["unicorn"], &ports["storage"]), (&vec![first], &vec![first + 2]));
    let mut all: Vec<_> = ports.into_values().flatten().collect();
    all.sort_unstable();
    assert_eq!(all, [first].into_iter().chain(first + 2..=last).collect::<Vec<_>>());
    node.shutdown().await;
}

#[tokio::test]
async fn service_has_one_port_at_all_addresses() {
    let reserved = ReservedPorts::new(SERVICES + 1);
    let (first, last) = reserved.range().into_inner();
    // Free at one of the addresses only.
    let _other = TcpListener::bind(("127.0.0.2", first)).unwrap();
    let node = start("127.0.0.1:0,127.0.0.2:0", network(&[], Some((first, last)))).await.unwrap();
    let ports = ports(&node).await;
    assert_eq!(ports["storage"], [first + 1, first + 1]);
    assert!(ports.values().all(|ports| ports.len() == 2 && ports[0] == ports[1]), "{ports:?}");
    node.shutdown().await;
}

#[tokio::test]
async fn port_of_another_program_is_an_error() {
    let reserved = ReservedPorts::new(SERVICES);
    let (first, last) = reserved.range().into_inner();
    let _other = TcpListener::bind(("127.0.0.1", first)).unwrap();
    let refused = start("127.0.0.1:0", network(&[("storage", first)], None)).await.unwrap_err();
    let pinned = format!("storage cannot listen on 127.0.0.1:{first}: Address already in use");
    assert!(refused.starts_with(&pinned), "{refused}");
    assert!(refused.ends_with(&format!("(network.pinned.storage is {first})")), "{refused}");

    let refused = start("127.0.0.1:0", network(&[], Some((first, last)))).await.unwrap_err();
    let spent = format!("urlfetch cannot listen on network.shared = [{first}, {last}]: no port is left");
    assert!(refused.starts_with(&spent), "{refused}");
    assert!(refused.contains("have 12 of 13, and other programs 1"), "{refused}");
}

#[tokio::test]
async fn pinned_port_of_locator_needs_no_listen() {
    let reserved = ReservedPorts::new(1);
    let port = *reserved.range().start();
    let pinned = || network(&[("locator", port)], None);
    let node = Node::builder().network(pinned()).start().await.unwrap();
    assert_eq!(node.locator_addr(), ([127, 0, 0, 1], port).into());
    node.shutdown().await;
    let node = start("127.0.0.2", pinned()).await.unwrap();
    assert_eq!(node.locator_addr(), ([127, 0, 0, 2], port).into());
    node.shutdown().await;
}
