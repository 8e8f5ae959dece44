//! A server whose process may open few files only. Its process is this program, started by a shell that sets the limit.

use std::{net::SocketAddr, process::Stdio};

use cocaine::{
    Bytes, Result,
    server::{Caller, Server},
};
use cocaine_bindings::{ServeStorage, Storage};
use test_support::{frame::UNTRACED, hex, raw::RawConnection, wait::TIMEOUT};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

/// Set in the process of the server.
const SERVER_VARIABLE: &str = "TEST_SERVER_WITH_FEW_DESCRIPTORS";
/// The files that the server may open.
const FILES: usize = 48;

/// A storage whose blobs are empty.
struct EmptyStorage;

impl Storage for EmptyStorage {
    async fn read(&self, _: &str, _: &str) -> Result<Bytes> {
        Ok(Bytes::default())
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn find(&self, _: &str, _: &[&str]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// Serves until the standard input ends.
async fn serve() {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let server = Server::bind("127.0.0.1:0", ServeStorage::new(|_: &Caller| EmptyStorage)).await.unwrap();
    println!("\naddress {}", server.local_addr());
    tokio::io::stdin().read_to_end(&mut Vec::new()).await.unwrap();
}

/// Starts the server. Returns its process and its address.
async fn start() -> (Child, SocketAddr) {
    let program = std::env::current_exe().unwrap();
    let mut server = Command::new("sh")
        .arg("-c")
        .arg(format!(
            "ulimit -n {FILES}; exec \"$0\" --exact {} --nocapture",
            "unused_connections_make_room_for_calls"
        ))
        .arg(program)
        .env(SERVER_VARIABLE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    while let Some(line) = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap() {
        if let Some(address) = line.strip_prefix("address ") {
            let address = address.parse().unwrap();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (server, address);
        }
    }
    panic!("the server has not started");
}

/// Calls `find` on a connection.
async fn find(connection: &mut RawConnection<TcpStream>, channel: u8) {
    connection.write(&hex::decode(&format!("93 {channel:02x} 03 92 a1 63 91 a1 74"))).await;
    connection.expect(&[&[0x94, channel, 0x00, 0x91, 0x90], UNTRACED].concat()).await;
}

#[tokio::test]
async fn unused_connections_make_room_for_calls() {
    if std::env::var_os(SERVER_VARIABLE).is_some() {
        return serve().await;
    }
    let (mut server, address) = start().await;
    let mut used = RawConnection::connect(address).await;
    find(&mut used, 1).await;
    let mut unused = Vec::new();
    for _ in 0..FILES * 3 {
        unused.push(TcpStream::connect(address).await.unwrap());
    }
    let mut late = RawConnection::connect(address).await;
    find(&mut late, 1).await;
    find(&mut used, 2).await;
    drop(server.stdin.take());
    let output = timeout(TIMEOUT, server.wait_with_output()).await.unwrap().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(log.matches("no connection can be accepted").count(), 1, "{log}");
    assert_eq!(log.matches("connections are accepted again").count(), 1, "{log}");
}
