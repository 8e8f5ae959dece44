//! Channels on which more than one message goes a way: streams, halves, and what becomes of them when they are dropped.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use tokio::time::Instant;

use super::peer::{Peer, method, unary};
use crate::{
    Bytes, Category, Code, Duplex, DynReceiver, DynSender, Error, ErrorKind, Limits, Receiver, Reply, Sender,
    Service,
    protocol::graph::{Edge, Graph, Tree, TreeNode},
};

/// Returns a tree whose messages, by id, end the side or may be repeated.
fn tree(edges: &[(u64, &str, bool)]) -> Tree {
    let edges = edges.iter().map(|(id, name, last)| Edge {
        id: *id,
        name: (*name).into(),
        next: if *last { Tree::end() } else { Tree::Recurse },
    });
    Tree::Node(Arc::new(TreeNode::new(edges)))
}

fn app() -> (Service, Peer) {
    Peer::serving([
        method(0, "enqueue", Tree::streaming(), Tree::streaming()),
        unary(1, "info"),
        method(2, "control", Tree::streaming(), Tree::primitive()),
        method(3, "note", Tree::end(), Tree::end()),
        method(4, "watch", Tree::end(), Tree::streaming()),
        method(5, "lock", tree(&[(0, "discard", true)]), Tree::primitive()),
        method(6, "feed", tree(&[(0, "write", false)]), Tree::primitive()),
    ])
}

/// Uses up the ids below `next`.
async fn pass(service: &Service, peer: &mut Peer, next: u64) {
    for id in 1..next {
        service.send("note", ()).await.unwrap();
        peer.expect(&format!("93 {id:02x} 03 90")).await;
    }
}

/// Lets everything else come to rest.
async fn rest() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

async fn enqueue(service: &Service) -> Duplex<Sender<Bytes>, Receiver<Bytes>> {
    service.open("enqueue", ("e",)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn event_bytes_match_the_examples() {
    let (service, mut peer) = app();
    pass(&service, &mut peer, 7).await;
    let mut event: Duplex<Sender<Bytes>, Receiver<Bytes>> =
        service.open("enqueue", ("ping", None::<&str>)).await.unwrap();
    peer.expect_event("94 07 00 91 a4 70 69 6e 67").await;
    event.send("data").await.unwrap();
    peer.expect("93 07 00 91 a4 64 61 74 61").await;
    let mut answer = event.finish().unwrap();
    peer.expect("93 07 02 90").await;
    peer.send(7, 0, ("pong",)).await;
    assert_eq!(answer.recv().await.unwrap().unwrap(), "pong");
    peer.write("93 07 01 92 92 2b cd 01 f4 a4 62 6f 6f 6d").await;
    let error = answer.recv().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(Code::new(Category::WORKER_USER, 500)));
    assert_eq!(error.to_string(), format!("test.enqueue at peer:1: {}", error.kind()));
    assert!(answer.recv().await.is_none(), "an error ends the stream");
    drop(answer);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn only_events_send_the_deadline_if_set() {
    let (service, mut peer) = app();
    pass(&service, &mut peer, 10).await;
    let service = service.with_deadline(Duration::from_secs(30));
    let call = tokio::spawn({
        let service = service.clone();
        async move { service.call::<_, ()>("info", ()).await }
    });
    peer.expect("93 0a 01 90").await;
    let event: Duplex<Sender<Bytes>, Receiver<Bytes>> = service.open("enqueue", ("http",)).await.unwrap();
    peer.expect(
        "94 0b 00 91 a4 68 74 74 70 92 93 c2 af 72 65 71 75 65 73 74 5f 74 69 6d 65 6f 75 74 \
        a8 30 75 00 00 00 00 00 00 93 c2 ae 63 6f 63 61 69 6e 65 2d 63 72 65 64 69 74 a8 00 00 08 00 00 00 00 00",
    )
    .await;
    drop((call, event));
}

#[tokio::test(start_paused = true)]
async fn event_has_deadline_only_if_set() {
    let (service, _peer) = app();
    let mut patient = enqueue(&service).await;
    let mut hasty = enqueue(&service.with_deadline(Duration::from_secs(2))).await;
    let start = Instant::now();
    let error = hasty.recv().await.unwrap().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Deadline(named) if *named == Duration::from_secs(2)),
        "{error}"
    );
    assert!((2000..=2200).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert!(hasty.recv().await.is_none());
    let day = Duration::from_hours(24);
    assert!(tokio::time::timeout(day, patient.recv()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn control_ignores_the_deadline() {
    let (service, _peer) = app();
    let service = service.with_deadline(Duration::from_secs(2));
    let control: Duplex<Sender<i32>, Reply<()>> = service.open("control", ()).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_hours(24), control.rx).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn stream_request_precedes_reading_and_ends_with_close() {
    let (service, mut peer) = app();
    let mut stream: Receiver<u32> = service.stream("watch", ("w",));
    peer.expect("93 01 04 91 a1 77").await;
    for item in [1, 2] {
        peer.send(1, 0, (item,)).await;
    }
    peer.send(1, 2, ()).await;
    peer.send(1, 0, (3,)).await;
    let items: Vec<_> = stream.by_ref().map(Result::unwrap).collect().await;
    assert_eq!(items, [1, 2]);
    assert!(stream.recv().await.is_none());
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn item_of_another_type_ends_stream() {
    let (service, mut peer) = app();
    let mut stream: Receiver<u32> = service.stream("watch", ());
    peer.expect("93 01 04 90").await;
    peer.send(1, 0, ("text",)).await;
    peer.send(1, 0, (1,)).await;
    let error = stream.recv().await.unwrap().unwrap_err();
    assert!(error.to_string().starts_with("test.watch at peer:1: cannot decode"), "{error}");
    assert!(stream.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn dropped_stream_is_silent_and_drops_messages() {
    let (service, mut peer) = app();
    drop(service.stream::<_, u32>("watch", ()));
    peer.expect("93 01 04 90").await;
    peer.send(1, 0, (1,)).await;
    peer.send(1, 2, ()).await;
    peer.expect_silence().await;
    let call = service.call::<_, u32>("info", ());
    let script = async {
        peer.expect("93 02 01 90").await;
        peer.send(2, 0, (5,)).await;
    };
    assert_eq!(tokio::join!(call, script).0.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn stream_reads_received_items_before_connection_error() {
    let (service, mut peer) = app();
    let mut stream: Receiver<u32> = service.stream("watch", ());
    peer.expect("93 01 04 90").await;
    peer.send(1, 0, (1,)).await;
    drop(peer);
    assert_eq!(stream.recv().await.unwrap().unwrap(), 1);
    let error = stream.recv().await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "test.watch at peer:1: connection lost: closed by the other side, as runtimes do when they cannot read a call"
    );
    assert!(stream.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn dropped_sender_ends_stream_with_error() {
    let (service, mut peer) = app();
    let mut event = enqueue(&service).await;
    event.send("a").await.unwrap();
    peer.expect_event("94 01 00 91 a1 65").await;
    peer.expect("93 01 00 91 a1 61").await;
    let Duplex { tx, mut rx } = event;
    drop(tx);
    peer.expect("93 01 01 92 92 0c 7d b6 74 68 65 20 73 65 6e 64 65 72 20 77 61 73 20 64 72 6f 70 70 65 64")
        .await;
    peer.send(1, 0, ("b",)).await;
    assert_eq!(rx.recv().await.unwrap().unwrap(), "b", "the other side goes on");
    drop(rx);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn dropped_receiver_does_not_affect_sender() {
    let (service, mut peer) = app();
    let Duplex { mut tx, rx }: Duplex<Sender<Bytes>, Receiver<Bytes>> = enqueue(&service).await;
    drop(rx);
    peer.expect_event("94 01 00 91 a1 65").await;
    peer.send(1, 0, ("unheard",)).await;
    tx.send("a").await.unwrap();
    tx.fail(&Error::service(Code::new(Category::WORKER_USER, 7), "no")).unwrap();
    peer.expect("93 01 00 91 a1 61 93 01 01 92 92 2b 07 a2 6e 6f").await;
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn unencodable_item_ends_stream_with_one_error() {
    let (service, mut peer) = app();
    let mut event: Duplex<Sender<i128>, Receiver<Bytes>> = service.open("enqueue", ("e",)).await.unwrap();
    assert!(matches!(event.tx.send(1).await.unwrap_err().kind(), ErrorKind::Encode(_)));
    peer.expect_event("94 01 00 91 a1 65").await;
    peer.expect_silence().await;
    event.tx.finish().unwrap();
    peer.expect("93 01 02 90").await;
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn dropped_sender_sends_its_terminal_message() {
    let (service, mut peer) = app();
    let lock: Duplex<DynSender, Reply<()>> = service.open("lock", ()).await.unwrap();
    peer.expect("93 01 05 90").await;
    drop(lock.tx);
    peer.expect("93 01 00 90").await;
    let lock: Duplex<DynSender, Reply<()>> = service.open("lock", ()).await.unwrap();
    lock.tx.send_last_message(0, ()).await.unwrap();
    peer.expect("93 02 05 90 93 02 00 90").await;
    drop(lock.rx);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn sender_without_terminal_message_is_revoked() {
    for (name, kind) in [("control", "02"), ("feed", "06")] {
        let (service, mut peer) = app();
        let Duplex { mut tx, rx }: Duplex<Sender<i32>, Reply<()>> = service.open(name, ()).await.unwrap();
        tx.send(3).await.unwrap();
        peer.expect(&format!("93 01 {kind} 90 93 01 00 91 03")).await;
        drop((tx, rx));
        peer.expect("93 02 cd ff ff 92 01 92 0c 7d").await;
        peer.write("93 02 00 90").await;
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn sender_that_cannot_be_revoked_closes_connection() {
    let old = Graph::new([method(2, "control", Tree::streaming(), Tree::primitive()), unary(0, "read")]);
    let (service, mut peer) = Peer::with(old, 1024, Limits::default());
    let control: Duplex<Sender<i32>, Reply<()>> = service.open("control", ()).await.unwrap();
    let call = tokio::spawn(async move { service.call::<_, ()>("read", ()).await });
    peer.expect("93 01 02 90 93 02 00 90").await;
    drop(control);
    peer.expect_end().await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("only be ended by closing the connection"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn session_reply_is_a_future() {
    let (service, mut peer) = app();
    let lock: Duplex<DynSender, Reply<u32>> = service.open("lock", ()).await.unwrap();
    peer.expect("93 01 05 90").await;
    peer.send(1, 0, (5,)).await;
    assert_eq!(lock.rx.await.unwrap(), 5);
    let lock: Duplex<DynSender, Reply<u32>> = service.open("lock", ()).await.unwrap();
    peer.send(2, 1, ((11, 2), "held")).await;
    let error = lock.rx.await.unwrap_err();
    assert_eq!(error.code(), Some(Code::new(Category::UNICORN, 2)));
}

#[tokio::test(start_paused = true)]
async fn messages_by_name_are_held_against_the_graph() {
    let (service, mut peer) = app();
    let mut event: Duplex<DynSender, DynReceiver> = service.open("enqueue", ("e",)).await.unwrap();
    peer.expect_event("94 01 00 91 a1 65").await;
    assert_eq!(event.tx.allowed(), ["write", "error", "close"]);
    let error = event.tx.send("discard", ()).await.unwrap_err();
    assert!(error.to_string().contains("only write, error, close"), "{error}");
    peer.expect_silence().await;
    event.tx.send("write", ("a",)).await.unwrap();
    event.tx.send("close", ()).await.unwrap();
    peer.expect("93 01 00 91 a1 61 93 01 02 90").await;
    assert!(event.tx.allowed().is_empty());
    assert!(event.tx.send("write", ("b",)).await.is_err());
    peer.send(1, 0, ("c",)).await;
    peer.send(1, 2, ()).await;
    let (name, payload) = event.rx.recv().await.unwrap().unwrap();
    assert_eq!((name.as_str(), payload.decode::<String>().unwrap().as_str()), ("write", "c"));
    assert_eq!(event.rx.recv().await.unwrap().unwrap().0, "close");
    assert!(event.rx.recv().await.is_none());
    drop(event);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn message_out_of_turn_is_not_sent() {
    let (service, mut peer) = app();
    let event: Duplex<DynSender, DynReceiver> = service.open("enqueue", ("e",)).await.unwrap();
    peer.expect_event("94 01 00 91 a1 65").await;
    let error = event.tx.send_message(5, ()).await.unwrap_err();
    assert!(error.to_string().contains("message 5 cannot be sent now"), "{error}");
    peer.expect("93 01 01 92 92 0c 7d b6 74 68 65 20 73 65 6e 64 65 72 20 77 61 73 20 64 72 6f 70 70 65 64")
        .await;
}

#[tokio::test(start_paused = true)]
async fn sender_waits_until_the_peer_reads() {
    let limits = Limits::default().max_queued_bytes(100);
    let graph = Graph::new([method(0, "enqueue", Tree::streaming(), Tree::streaming())]);
    let (service, mut peer) = Peer::with(graph, 64, limits);
    let mut event = enqueue(&service).await;
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = sent.clone();
    let sending = tokio::spawn(async move {
        for _ in 0..100 {
            event.send("x".repeat(28)).await.unwrap();
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        event.finish().map(drop)
    });
    rest().await;
    let before = sent.load(std::sync::atomic::Ordering::Relaxed);
    assert!(before < 10, "{before} items of 32 bytes are with a pipe of 64 and a mark of 100");
    rest().await;
    assert_eq!(sent.load(std::sync::atomic::Ordering::Relaxed), before, "nothing moves by itself");
    peer.expect_event("94 01 00 91 a1 65").await;
    for _ in 0..100 {
        peer.expect(&format!("93 01 00 91 bc {}", "78".repeat(28))).await;
    }
    peer.expect("93 01 02 90").await;
    sending.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn slow_reader_of_foreign_service_loses_nothing() {
    let limits = Limits::default().max_unread_bytes(1000);
    let graph = Graph::new([method(4, "watch", Tree::end(), Tree::streaming())]);
    let (service, mut peer) = Peer::with(graph, 256, limits);
    let mut stream: Receiver<Bytes> = service.stream("watch", ());
    peer.expect("93 01 04 90").await;
    let sending = tokio::spawn(async move {
        for _ in 0..100 {
            peer.send(1, 0, ("x".repeat(100),)).await;
        }
        peer.send(1, 2, ()).await;
        peer
    });
    for _ in 0..100 {
        assert_eq!(stream.recv().await.unwrap().unwrap().len(), 100);
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    assert!(stream.recv().await.is_none());
    sending.await.unwrap().expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn stalled_reader_loses_its_stream_alone() {
    let limits = Limits::default().max_unread_bytes(1000);
    let graph = Graph::new([method(4, "watch", Tree::end(), Tree::streaming())]);
    let (service, mut peer) = Peer::with(graph, 64 << 10, limits);
    let mut stalled: Receiver<Bytes> = service.stream("watch", ());
    let mut other: Receiver<Bytes> = service.stream("watch", ());
    peer.expect("93 01 04 90 93 02 04 90").await;
    let start = Instant::now();
    for _ in 0..20 {
        peer.send(1, 0, ("x".repeat(100),)).await;
    }
    rest().await;
    peer.send(2, 0, ("y",)).await;
    assert_eq!(other.recv().await.unwrap().unwrap(), "y");
    assert!((30_000..=30_200).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    let error = stalled.recv().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("of channel 1 were not read for 30s"), "{error}");
    assert!(stalled.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn congested_connection_takes_no_further_calls() {
    let limits = Limits::default().max_unread_bytes(1000);
    let graph = Graph::new([method(4, "watch", Tree::end(), Tree::streaming()), unary(1, "info")]);
    let (service, mut peer) = Peer::with(graph, 64 << 10, limits);
    let mut stream: Receiver<Bytes> = service.stream("watch", ());
    peer.expect("93 01 04 90").await;
    for _ in 0..20 {
        peer.send(1, 0, ("x".repeat(100),)).await;
    }
    rest().await;
    let error = service.call::<_, u32>("info", ()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(_)), "another connection is tried: {error}");
    peer.expect_silence().await;
    assert_eq!(stream.recv().await.unwrap().unwrap().len(), 100, "the stream goes on");
}
