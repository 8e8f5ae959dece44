//! What `flush` waits for.

use std::{pin::pin, time::Duration};

use tokio::time::timeout;

use super::peer::{Peer, method};
use crate::{
    Bytes, Limits, Receiver, Service,
    protocol::graph::{Graph, Tree},
};

/// Returns a service on whose connection a message of 500 bytes waits for the peer to read, and a stream.
async fn unflushed() -> (Service, Receiver<Bytes>, Peer) {
    let limits = Limits::default().max_unread_bytes(1000);
    let methods =
        [method(1, "note", Tree::end(), Tree::end()), method(2, "watch", Tree::end(), Tree::streaming())];
    let (service, mut peer) = Peer::with(Graph::new(methods), 200, limits);
    let stream = service.stream("watch", ());
    peer.expect("93 01 02 90").await;
    service.send("note", ("x".repeat(500),)).await.unwrap();
    (service, stream, peer)
}

/// Checks that the service is flushed when the peer has read the message, and not before.
async fn expect_flushed_on_read(service: &Service, peer: &mut Peer) {
    let mut flushed = pin!(service.flush());
    assert!(timeout(Duration::from_secs(1), &mut flushed).await.is_err(), "the peer has not read");
    peer.expect(&format!("93 02 01 91 da 01 f4 {}", "78".repeat(500))).await;
    flushed.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn congested_connection_is_flushed() {
    let (service, _stream, mut peer) = unflushed().await;
    // With one more, the pipe would be full for as long as the client does not read.
    for _ in 0..8 {
        peer.send(1, 0, ("x".repeat(100),)).await;
    }
    // The client reads what is in the pipe.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(service.endpoint(), None, "further calls take another connection");
    expect_flushed_on_read(&service, &mut peer).await;
}

#[tokio::test(start_paused = true)]
async fn replaced_connection_is_flushed() {
    let (service, _stream, mut peer) = unflushed().await;
    let methods = [method(1, "note", Tree::end(), Tree::end())];
    let (newer, _peer) = Peer::serving(methods);
    service.replace_connection(&newer);
    expect_flushed_on_read(&service, &mut peer).await;
    service.flush().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn lost_output_is_an_error_of_flush() {
    let (service, _stream, peer) = unflushed().await;
    drop(peer);
    let error = service.flush().await.unwrap_err();
    assert!(error.is_disconnected() && error.endpoint() == Some("peer:1"), "{error}");
}
