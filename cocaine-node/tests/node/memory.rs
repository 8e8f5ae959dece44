//! The memory that all connections of a node use together.

use std::sync::Arc;

use cocaine::{Bytes, MemoryBudget};
use cocaine_bindings::{Storage, StorageClient};
use cocaine_node::Node;
use futures_util::future::join_all;
use test_support::{frame::UNTRACED, wait::wait_until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

use crate::{client, service};

const MIB: usize = 1 << 20;

/// More than the sockets of a connection take.
const BLOB: usize = 16 * MIB;

/// The memory of the node. Three quarters of it are for what arrives and for answers: four blobs, and not five.
const MEMORY: usize = 96 * MIB;

async fn node_with(memory: &MemoryBudget) -> Node {
    let node = Node::builder().listen("127.0.0.1:0").in_memory().memory(memory.clone());
    node.start().await.unwrap()
}

async fn storage_socket(node: &Node) -> TcpStream {
    let address = client(node).resolve("storage", None).await.unwrap().endpoints[0].0;
    TcpStream::connect(address).await.unwrap()
}

/// Returns whether four blobs are in memory, and not five.
fn has_four_blobs(memory: &MemoryBudget) -> bool {
    (4 * BLOB..5 * BLOB).contains(&memory.used())
}

/// Reads the answer of `read` on channel 1.
async fn read_blob(socket: &mut TcpStream, memory: &MemoryBudget) {
    let mut answer = vec![0; 9 + BLOB + UNTRACED.len()];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer[..5], b"\x94\x01\x00\x91\xdb");
    assert!(answer[9..9 + BLOB] == vec![7; BLOB]);
    assert!(memory.used() <= MEMORY * 3 / 4 + MIB, "{}", memory.used());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_blobs_wait_for_memory() {
    let memory = MemoryBudget::new(MEMORY);
    let node = node_with(&memory).await;
    let storage: StorageClient = service(&node).await;
    storage.write("c", "k", &vec![7; BLOB].into(), None).await.unwrap();
    wait_until("the write is over", async || memory.used() == 0).await;
    let mut sockets = Vec::new();
    for _ in 0..30 {
        let mut socket = storage_socket(&node).await;
        socket.write_all(b"\x93\x01\x00\x92\xa1c\xa1k").await.unwrap();
        sockets.push(socket);
    }
    wait_until("four blobs are loaded", async || has_four_blobs(&memory)).await;
    storage.write("c", "small", &Bytes::from("small"), Some(&["tag"])).await.unwrap();
    assert_eq!(storage.read("c", "small").await.unwrap(), "small", "small calls go on");
    assert_eq!(storage.find("c", &["tag"]).await.unwrap(), ["small"]);
    assert!(has_four_blobs(&memory), "{}", memory.used());
    join_all(sockets.iter_mut().map(|socket| read_blob(socket, &memory))).await;
    wait_until("all memory is returned", async || memory.used() == 0).await;
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_frames_wait_for_memory() {
    let memory = MemoryBudget::new(MEMORY);
    let node = node_with(&memory).await;
    let storage: StorageClient = service(&node).await;
    let resume = Arc::new(Notify::new());
    let (mut tasks, half) = (Vec::new(), vec![7; BLOB / 2]);
    for number in b'a'..b'a' + 16 {
        let (mut socket, resume, half) = (storage_socket(&node).await, resume.clone(), half.clone());
        let length = u32::try_from(BLOB).unwrap().to_be_bytes();
        let write = [&b"\x93\x01\x01\x93\xa1c\xa1"[..], &[number], b"\xdb", &length].concat();
        tasks.push(tokio::spawn(async move {
            let resumed = resume.notified();
            socket.write_all(&write).await.unwrap();
            resumed.await;
            socket.write_all(&half).await.unwrap();
            socket.write_all(&half).await.unwrap();
            let mut answer = vec![0; 4 + UNTRACED.len()];
            socket.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer[..4], b"\x94\x01\x00\x90");
        }));
    }
    wait_until("four frames have room", async || has_four_blobs(&memory)).await;
    storage.write("c", "small", &Bytes::from("small"), None).await.unwrap();
    assert_eq!(storage.read("c", "small").await.unwrap(), "small", "small calls go on");
    assert!(has_four_blobs(&memory), "{}", memory.used());
    resume.notify_waiters();
    for task in tasks {
        task.await.unwrap();
    }
    wait_until("all memory is returned", async || memory.used() == 0).await;
    assert_eq!(storage.read("c", "p").await.unwrap().len(), BLOB);
    node.shutdown().await;
}

#[tokio::test]
async fn blob_larger_than_memory_is_refused() {
    let memory = MemoryBudget::new(16 * MIB);
    let node = node_with(&memory).await;
    let storage: StorageClient = service(&node).await;
    let error = storage.write("c", "k", &vec![7; 13 * MIB].into(), None).await.unwrap_err().to_string();
    assert!(error.contains("0 of 16777216 bytes (`max_memory_bytes`)"), "{error}");
    storage.write("c", "k", &vec![7; 5 * MIB].into(), None).await.unwrap();
    assert_eq!(storage.read("c", "k").await.unwrap().len(), 5 * MIB);
    node.shutdown().await;
}
