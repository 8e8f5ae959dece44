//! Calls with one reply: failures, invalid requests, headers and back-pressure.

use cocaine::{Bytes, Code, Limits, server::Caller, server::Server};
use cocaine_bindings::{ServeStorage, Storage, StorageClient};
use std::{sync::Arc, sync::Mutex, sync::atomic::Ordering};
use test_support::{frame::UNTRACED, raw::RawConnection, wait::TIMEOUT, wait::wait_until};
use tokio::{io::AsyncReadExt, time::timeout};

use crate::{
    scripted_storage::ScriptedStorage, scripted_storage::read, scripted_storage::storage, test_locator::cloud,
};

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
