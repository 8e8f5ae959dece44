//! Servers that shut down or are dropped.

use cocaine::ErrorKind;
use cocaine_bindings::Storage;
use std::sync::atomic::Ordering;
use test_support::{raw::RawConnection, wait::TIMEOUT, wait::wait_until};
use tokio::{io::AsyncReadExt, time::timeout};

use crate::{scripted_storage::ScriptedStorage, scripted_storage::storage};

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
