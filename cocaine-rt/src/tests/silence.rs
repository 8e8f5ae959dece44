//! Peers that stay silent, on a paused clock.

use std::time::Duration;

use tokio::{
    io::AsyncReadExt,
    time::{Instant, sleep, timeout},
};

use super::peer::{Peer, method, unary};
use crate::{
    Bytes, Duplex, Receiver, Sender, Service,
    client::keep_alive,
    protocol::{
        graph::{Graph, Tree},
        limits::Limits,
    },
};

const LIMIT: Duration = Duration::from_secs(30);

fn methods() -> Graph {
    Graph::new([
        unary(0, "read"),
        method(1, "note", Tree::end(), Tree::end()),
        method(2, "watch", Tree::end(), Tree::streaming()),
        method(3, "enqueue", Tree::streaming(), Tree::streaming()),
    ])
}

fn serving() -> (Service, Peer) {
    Peer::with(methods().with_controls(), 64 << 10, Limits::default())
}

/// Opens a stream on a connection whose silence is watched.
async fn watch(graph: Graph) -> (Receiver<u64>, Peer) {
    let (service, mut peer) = Peer::with(graph, 64 << 10, Limits::default());
    keep_alive::start(&service.current_connection(), LIMIT);
    let stream = service.stream("watch", ());
    peer.expect("93 01 02 90").await;
    (stream, peer)
}

#[tokio::test(start_paused = true)]
async fn missed_deadline_in_silence_leaves_the_connection() {
    for millis in [300, 3000] {
        let (service, mut peer) = serving();
        let mut other: Receiver<u64> = service.stream("watch", ());
        let hurried = service.with_deadline(Duration::from_millis(millis));
        let error = hurried.call::<_, ()>("read", ()).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(service.endpoint(), None, "{millis} ms");
        peer.send(1, 0, (5,)).await;
        assert_eq!(other.recv().await.unwrap().unwrap(), 5, "what is open goes on");
    }
}

#[tokio::test(start_paused = true)]
async fn late_event_in_silence_leaves_the_connection() {
    let (service, _peer) = serving();
    let hurried = service.with_deadline(Duration::from_millis(300));
    let mut event: Duplex<Sender<Bytes>, Receiver<Bytes>> = hurried.open("enqueue", ("e",)).await.unwrap();
    let error = event.recv().await.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(service.endpoint(), None);
}

#[tokio::test(start_paused = true)]
async fn missed_deadline_after_a_message_keeps_the_connection() {
    for millis in [300, 3000] {
        let (service, mut peer) = serving();
        let mut other: Receiver<u64> = service.stream("watch", ());
        let hurried = service.with_deadline(Duration::from_millis(millis));
        let call = tokio::spawn(async move { hurried.call::<_, ()>("read", ()).await });
        peer.expect("93 01 02 90 93 02 00 90").await;
        peer.send(1, 0, (5,)).await;
        assert!(call.await.unwrap().unwrap_err().is_timeout());
        assert!(service.endpoint().is_some(), "{millis} ms: the peer is slow, but there");
        assert_eq!(other.recv().await.unwrap().unwrap(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_while_reading_is_paused_is_ignored() {
    let (service, _peer) = serving();
    let connection = service.current_connection();
    let receptions = connection.handle.receptions();
    assert!(connection.handle.is_silent_since(receptions));
    connection.handle.set_paused(true);
    let paused = connection.handle.receptions();
    assert!(!connection.handle.is_silent_since(paused), "the peer cannot be heard");
    connection.handle.set_paused(false);
    assert!(!connection.handle.is_silent_since(paused), "nobody knows what came meanwhile");
    assert!(connection.handle.is_silent_since(connection.handle.receptions()));
}

#[tokio::test(start_paused = true)]
async fn silent_stream_is_pinged_then_ended() {
    let start = Instant::now();
    let (mut stream, mut peer) = watch(methods().with_controls()).await;
    peer.expect_after(LIMIT / 2, "93 02 cd ff fd 90").await;
    let error = stream.recv().await.unwrap().unwrap_err();
    assert!(
        error.is_disconnected() && error.to_string().contains("not answered a ping within 12s"),
        "{error}"
    );
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn slow_upload_is_no_silence() {
    let (service, mut peer) = Peer::with(methods().with_controls(), 1000, Limits::default());
    keep_alive::start(&service.current_connection(), LIMIT);
    let mut stream: Receiver<u64> = service.stream("watch", ());
    peer.expect("93 01 02 90").await;
    service.send("note", ("x".repeat(100_000),)).await.unwrap();
    // The peer reads the upload slowly, and has nothing to send meanwhile.
    for _ in 0..50 {
        sleep(LIMIT / 10).await;
        peer.io.read_exact(&mut [0; 1000]).await.unwrap();
    }
    peer.send(1, 0, (7,)).await;
    assert_eq!(stream.recv().await.unwrap().unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn answered_pings_keep_a_stream() {
    let (mut stream, mut peer) = watch(methods().with_controls()).await;
    for id in 2..20 {
        peer.expect_after(LIMIT, &format!("93 {id:02x} cd ff fd 90")).await;
        peer.send(id, 0, ()).await;
    }
    peer.send(1, 0, (7,)).await;
    assert_eq!(stream.recv().await.unwrap().unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn peer_is_pinged_only_for_open_channels() {
    let (service, mut peer) = serving();
    keep_alive::start(&service.current_connection(), LIMIT);
    sleep(LIMIT * 10).await;
    peer.expect_silence().await;
    assert!(service.endpoint().is_some());
}

#[tokio::test(start_paused = true)]
async fn peer_without_ping_is_not_pinged() {
    let (mut stream, mut peer) = watch(methods()).await;
    sleep(LIMIT * 10).await;
    peer.expect_silence().await;
    peer.send(1, 0, (7,)).await;
    assert_eq!(stream.recv().await.unwrap().unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn full_output_does_not_outlast_the_deadline() {
    let limits = Limits::default().max_queued_bytes(1000);
    let (service, peer) = Peer::with(methods().with_controls(), 1000, limits);
    let service = service.with_deadline(Duration::from_secs(5));
    let text = "x".repeat(500);
    while timeout(Duration::from_secs(1), service.send("note", (&text,))).await.is_ok() {}
    let start = Instant::now();
    let (mute, session, stream, flush) = tokio::join!(
        service.send("note", ()),
        service.open::<_, crate::DynSender, crate::DynReceiver>("enqueue", ()),
        async { service.stream::<_, u64>("watch", ()).recv().await.unwrap() },
        service.flush(),
    );
    let errors = [mute.err(), session.err(), stream.err(), flush.err()];
    for error in errors {
        let error = error.expect("nothing can be sent");
        assert!(error.is_timeout(), "{error}");
    }
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(service.endpoint(), None, "the next call connects again");
    drop(peer);
}
