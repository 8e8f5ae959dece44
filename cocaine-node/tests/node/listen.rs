//! Where a node listens, and which addresses it announces to whom.

use std::{
    fs,
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener as StdListener, UdpSocket},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use cocaine::Client;
use cocaine_bindings::{Locator, LocatorClient, Storage, StorageClient};
use cocaine_node::Node;
use test_support::{address::ReservedPorts, wait::wait_until};
use tokio::net::{UnixListener, UnixStream};

async fn listening(addresses: &str) -> Node {
    Node::builder().listen(addresses).in_memory().start().await.unwrap()
}

/// Reads from the storage of the cloud with this locator. Returns its endpoints, after it has checked that subscribers of
/// services are told the same.
async fn announced(locator: &str) -> Vec<SocketAddr> {
    let client = Client::new(locator).unwrap();
    let storage: StorageClient = client.service().await.unwrap();
    assert!(storage.find("c", &["t"]).await.unwrap().is_empty());
    let resolved = client.resolve("storage", None).await.unwrap().endpoints;
    let locator: LocatorClient = client.service().await.unwrap();
    let (_, services) = locator.connect("subscriber").recv().await.unwrap().unwrap();
    assert_eq!(services["storage"].endpoints, resolved);
    resolved.into_iter().map(|endpoint| endpoint.0).collect()
}

fn ips(addresses: &[SocketAddr]) -> Vec<String> {
    addresses.iter().map(|address| address.ip().to_string()).collect()
}

/// Returns whether this machine has an address; a test without it has nothing to check.
fn has_address(ip: IpAddr) -> bool {
    let has = StdListener::bind((ip, 0)).is_ok();
    if !has {
        eprintln!("skipped: this machine has no address {ip}");
    }
    has
}

#[tokio::test]
async fn each_address_serves_and_names_itself_first() {
    let node = listening("127.0.0.1:0, 127.0.0.2:0").await;
    let addresses = node.locator_addrs();
    assert_eq!(ips(addresses), ["127.0.0.1", "127.0.0.2"]);
    assert_eq!(node.locator_addr(), addresses[0]);
    assert_eq!(ips(&announced(&addresses[0].to_string()).await), ["127.0.0.1", "127.0.0.2"]);
    assert_eq!(ips(&announced(&addresses[1].to_string()).await), ["127.0.0.2", "127.0.0.1"]);
    node.shutdown().await;
}

#[tokio::test]
async fn dual_stack_announces_the_client_its_version() {
    if !has_address(Ipv6Addr::LOCALHOST.into()) {
        return;
    }
    let node = listening("[::]:0").await;
    let port = node.locator_addr().port();
    assert_eq!(ips(&announced(&format!("127.0.0.2:{port}")).await), ["127.0.0.2"]);
    assert_eq!(ips(&announced(&format!("[::1]:{port}")).await), ["::1"]);
    node.shutdown().await;
}

#[tokio::test]
async fn both_versions_listen_on_one_port() {
    if !has_address(Ipv6Addr::LOCALHOST.into()) {
        return;
    }
    let reserved = ReservedPorts::new(1);
    let port = *reserved.range().start();
    let node = listening(&format!("0.0.0.0:{port},[::]:{port}")).await;
    assert_eq!(ips(&announced(&format!("127.0.0.1:{port}")).await), ["127.0.0.1"]);
    assert_eq!(ips(&announced(&format!("[::1]:{port}")).await), ["::1"]);
    node.shutdown().await;
}

/// Returns an address of this machine that is not of loopback.
fn other_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: the system only chooses the address to send from.
    socket.connect("192.0.2.1:9").ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

#[tokio::test]
async fn remote_client_is_never_told_loopback() {
    let Some(ip) = other_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let node = listening(&format!("127.0.0.1:0,{ip}:0")).await;
    let addresses = node.locator_addrs();
    assert_eq!(ips(&announced(&addresses[1].to_string()).await), [ip.to_string()]);
    assert_eq!(ips(&announced(&addresses[0].to_string()).await), ["127.0.0.1".to_owned(), ip.to_string()]);
    node.shutdown().await;

    let node = listening("[::]:0").await;
    let locator = SocketAddr::new(ip, node.locator_addr().port());
    assert_eq!(ips(&announced(&locator.to_string()).await), [ip.to_string()]);
    node.shutdown().await;
}

/// Returns a link-local address of this machine, with the number of its interface.
fn link_local_address() -> Option<String> {
    let interfaces = fs::read_to_string("/proc/net/if_inet6").ok()?;
    let mut found = interfaces.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let address = Ipv6Addr::from(u128::from_str_radix(fields.next()?, 16).ok()?);
        let interface = u32::from_str_radix(fields.next()?, 16).ok()?;
        address.is_unicast_link_local().then(|| format!("{address}%{interface}"))
    });
    found.find(|address| StdListener::bind(format!("[{address}]:0")).is_ok())
}

#[tokio::test]
async fn link_local_address_is_announced_with_its_scope() {
    let Some(address) = link_local_address() else {
        eprintln!("skipped: this machine has no link-local address");
        return;
    };
    for listen in [format!("[{address}]:0"), "[::]:0".to_owned()] {
        let node = listening(&listen).await;
        let locator = format!("[{address}]:{}", node.locator_addr().port());
        let [storage] = announced(&locator).await[..] else { panic!("one endpoint") };
        assert_eq!(storage.to_string(), format!("[{address}]:{}", storage.port()));
        node.shutdown().await;
    }
}

#[tokio::test]
async fn unix_socket_resolves_to_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locator");
    let socket = format!("unix:{}", path.display());
    for listen in [socket.clone(), format!("0.0.0.0:0,{}", path.display())] {
        let node = listening(&listen).await;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(ips(&announced(&socket).await), ["127.0.0.1"]);
        assert_eq!(ips(&announced(&path.display().to_string()).await), ["127.0.0.1"]);
        let port = node.locator_addr().port();
        assert_eq!(ips(&announced(&format!("127.0.0.1:{port}")).await), ["127.0.0.1"], "for workers");
        node.shutdown().await;
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn only_sockets_of_the_dead_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locator");
    drop(UnixListener::bind(&path).unwrap());
    let socket = format!("unix:{}", path.display());
    let node = listening(&socket).await;
    let refused = Node::builder().listen(&socket).start().await.unwrap_err().to_string();
    assert_eq!(refused, format!("locator cannot listen on {socket}: another process listens there"));
    announced(&socket).await;
    node.shutdown().await;

    fs::write(&path, "kept").unwrap();
    let refused = Node::builder().listen(&socket).start().await.unwrap_err().to_string();
    assert!(refused.contains("something that is no socket has this path"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"kept");
    let missing = format!("unix:{}/no/locator", folder.path().display());
    let refused = Node::builder().listen(missing).start().await.unwrap_err().to_string();
    assert!(refused.contains("the folder"), "{refused}");
}

#[tokio::test]
async fn unix_client_reconnects_to_restarted_node() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locator");
    let client = Client::new(&format!("unix:{}", path.display())).unwrap();
    let unreachable = client.resolve("storage", None).await.unwrap_err().to_string();
    assert!(unreachable.contains(&format!("unix:{}: No such file", path.display())), "{unreachable}");
    let start = async || Node::builder().listen(path.to_str().unwrap()).in_memory().start().await.unwrap();
    let node = start().await;
    let storage: StorageClient = client.service().await.unwrap();
    node.shutdown().await;
    let node = start().await;
    wait_until("the client reconnects", async || storage.find("c", &["t"]).await.is_ok()).await;
    assert_socket_is_served(&path).await;
    node.shutdown().await;
}

/// Checks that a connection to the socket is served like others.
async fn assert_socket_is_served(path: &Path) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = UnixStream::connect(path).await.unwrap();
    // `ping` of the session, then nothing that the protocol knows.
    stream.write_all(b"\x93\x01\xcd\xff\xfd\x90").await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x94, 1, 0, 0x90]);
    stream.write_all(b"\xc1").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
}
