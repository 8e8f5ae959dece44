//! Calls that are answered once, or never.

use std::{future::Future, pin::pin, task::Poll, time::Duration};

use serde::{Serialize, Serializer, ser};
use tokio::{io::AsyncWriteExt, time::Instant};

use super::peer::{Peer, method, unary};
use crate::{
    Bytes, Category, Code, Error, ErrorKind, Fault, Limits, Service, Trace, Value,
    protocol::graph::{Graph, Tree},
    wire::{
        encode::{self, Encoded},
        frame::{self, FrameHeaders},
    },
};

/// Polls once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx))).await
}

/// Returns a call of `read` that has been sent and waits.
async fn in_flight(service: &Service) -> tokio::task::JoinHandle<crate::Result<Bytes>> {
    let service = service.clone();
    let call = tokio::spawn(async move { service.call("read", ("c", "k")).await });
    tokio::task::yield_now().await;
    call
}

fn storage() -> (Service, Peer) {
    Peer::serving([unary(0, "read"), unary(1, "write")])
}

#[tokio::test(start_paused = true)]
async fn calls_match_recorded_examples() {
    let (service, mut peer) = Peer::serving([unary(0, "resolve"), unary(1, "write")]);
    let script = async {
        peer.expect("93 01 00 91 a7 73 74 6f 72 61 67 65").await;
        peer.write("93 01 00 90").await;
        peer.expect("93 02 00 92 a7 73 74 6f 72 61 67 65 a7 75 73 65 72 2d 34 32").await;
        peer.write("94 02 00 90 90").await;
        peer.expect("93 03 01 94 a1 63 a1 6b a1 76 91 a2 74 31").await;
        peer.write("93 03 00 90").await;
        peer.expect_silence().await;
    };
    let calls = async {
        let () = service.call("resolve", ("storage", None::<&str>)).await.unwrap();
        let () = service.call("resolve", ("storage", Some("user-42"))).await.unwrap();
        let () = service.call("write", ("c", "k", "v", ["t1"])).await.unwrap();
    };
    tokio::join!(script, calls);
}

#[tokio::test(start_paused = true)]
async fn mute_call_matches_example_without_waiting() {
    let (service, mut peer) = Peer::serving([method(0, "emit", Tree::end(), Tree::end())]);
    for id in 1..=3 {
        service.send("emit", ()).await.unwrap();
        peer.expect(&format!("93 0{id} 00 90")).await;
    }
    service.send("emit", (1, "app/echo", "hi", [("pid", 7)])).await.unwrap();
    service.flush().await.unwrap();
    peer.expect("93 04 00 94 01 a8 61 70 70 2f 65 63 68 6f a2 68 69 91 92 a3 70 69 64 07").await;
}

#[test]
fn control_messages_are_their_examples() {
    let written = |channel, kind, value: &dyn erased::Args| {
        let (mut args, mut out) = (Encoded::default(), Encoded::default());
        value.write(&mut args);
        frame::write(&mut out, channel, kind, &args, FrameHeaders::None);
        out.flatten()
    };
    assert_eq!(written(5, 65533, &()), test_support::hex::decode("93 05 cd ff fd 90"));
    assert_eq!(written(6, 65535, &(4, (7, 4))), test_support::hex::decode("93 06 cd ff ff 92 04 92 07 04"));
}

mod erased {
    use super::{Encoded, Serialize, encode};

    pub(super) trait Args {
        fn write(&self, into: &mut Encoded);
    }

    impl<T: Serialize> Args for T {
        fn write(&self, into: &mut Encoded) {
            encode::args(self, into).unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reply_is_read_byte_by_byte() {
    let (service, mut peer) = storage();
    let call = in_flight(&service).await;
    let reply = "94 01 00 91 a5 68 65 6c 6c 6f 93 93 c2 a8 74 72 61 63 65 5f 69 64 a8 00 00 00 00 00 00 00 00 \
        93 c2 a7 73 70 61 6e 5f 69 64 a8 00 00 00 00 00 00 00 00 \
        93 c2 a9 70 61 72 65 6e 74 5f 69 64 a8 00 00 00 00 00 00 00 00";
    for byte in test_support::hex::decode(reply) {
        assert!(!call.is_finished());
        peer.io.write_u8(byte).await.unwrap();
        peer_rests().await;
    }
    assert_eq!(call.await.unwrap().unwrap(), "hello");
}

/// Lets everything else come to rest.
async fn peer_rests() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn error_without_text_is_decoded() {
    let (service, mut peer) = storage();
    for (reply, code, text) in [
        ("93 01 01 92 92 2b cd 01 f4 a4 62 6f 6f 6d", (43, 500), "boom"),
        ("93 02 01 91 92 0c 02", (12, 2), ""),
        ("93 03 01 92 92 d0 c0 05 a1 ff", (-64, 5), "\u{fffd}"),
    ] {
        let call = in_flight(&service).await;
        peer.write(reply).await;
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.code(), Some(Code::new(Category(code.0), code.1)));
        assert!(matches!(error.kind(), ErrorKind::Service { message, .. } if message == text), "{error}");
        assert_eq!((error.service_name(), error.method()), (Some("test"), Some("read")));
        assert_eq!((error.endpoint(), error.fault()), (Some("peer:1"), Fault::Service));
    }
}

#[tokio::test(start_paused = true)]
async fn reply_of_wrong_type_fails_only_its_call() {
    let (service, mut peer) = storage();
    for (reply, text) in [
        ("93 01 00 91 07", "cannot decode"),
        ("93 02 00 90", "cannot decode"),
        ("93 03 01 91 07", "the service's error"),
        ("93 04 02 90", "message 2 is not allowed on channel 4"),
    ] {
        let call = in_flight(&service).await;
        peer.write(reply).await;
        let error = call.await.unwrap().unwrap_err().to_string();
        assert!(error.contains(text) && error.starts_with("test.read at peer:1: "), "{error}");
    }
    let call = in_flight(&service).await;
    peer.send(5, 0, ("still here",)).await;
    assert_eq!(call.await.unwrap().unwrap(), "still here");
}

#[tokio::test(start_paused = true)]
async fn answer_of_dropped_call_is_dropped() {
    let (service, mut peer) = storage();
    let call = in_flight(&service).await;
    call.abort();
    peer.expect("93 01 00 92 a1 63 a1 6b").await;
    peer.expect_silence().await;
    peer.send(1, 0, ("late",)).await;
    let call = in_flight(&service).await;
    peer.expect("93 02 00 92 a1 63 a1 6b").await;
    peer.send(1, 0, ("later",)).await;
    peer.send(2, 0, ("mine",)).await;
    assert_eq!(call.await.unwrap().unwrap(), "mine");
}

#[tokio::test(start_paused = true)]
async fn unpolled_call_sends_nothing() {
    let (service, mut peer) = storage();
    drop(service.call::<_, ()>("read", ()));
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn default_deadline_is_thirty_seconds() {
    for millis in [30_000, 2000, 2050, 1000] {
        let (mut service, _peer) = storage();
        if millis != 30_000 {
            service = service.with_deadline(Duration::from_millis(millis));
        }
        let start = Instant::now();
        let error = service.call::<_, ()>("read", ()).await.unwrap_err();
        let (taken, deadline) = (start.elapsed(), Duration::from_millis(millis));
        assert!(taken >= deadline && taken <= deadline + Duration::from_millis(200), "{taken:?}");
        assert!(matches!(error.kind(), ErrorKind::Deadline(named) if *named == deadline), "{error}");
        assert_eq!((error.method(), error.endpoint()), (Some("read"), Some("peer:1")));
        assert!(!error.is_safe_to_retry());
    }
}

#[tokio::test(start_paused = true)]
async fn deadline_below_a_second_is_exact() {
    for millis in [1, 70, 999] {
        let (service, mut peer) = storage();
        let service = service.with_deadline(Duration::from_millis(millis));
        let start = Instant::now();
        let error = service.call::<_, ()>("read", ()).await.unwrap_err();
        let taken = start.elapsed().as_millis();
        assert!((u128::from(millis)..=u128::from(millis) + 1).contains(&taken), "{taken}");
        assert!(matches!(error.kind(), ErrorKind::Deadline(_)), "{error}");
        assert_eq!((error.method(), error.endpoint()), (Some("read"), Some("peer:1")));
        peer.expect("93 01 00 90").await;
    }
}

#[tokio::test(start_paused = true)]
async fn busy_thread_does_not_shorten_later_deadlines() {
    let (service, mut peer) = storage();
    let early = in_flight(&service).await;
    peer_rests().await;
    // As after ten seconds of other work: the clock has moved on, and nobody else has run.
    assert!(poll_once(&mut pin!(tokio::time::advance(Duration::from_secs(10)))).await.is_pending());
    let service = service.with_deadline(Duration::from_secs(1));
    let start = Instant::now();
    let error = service.call::<_, ()>("read", ()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Deadline(_)));
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    peer.send(1, 0, ("x",)).await;
    assert_eq!(early.await.unwrap().unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn call_waiting_for_room_keeps_its_deadline() {
    let limits = Limits::default().max_queued_bytes(100);
    let (service, _peer) = Peer::with(Graph::new([unary(0, "read")]), 10, limits);
    let mut calls = Vec::new();
    for _ in 0..3 {
        let service = service.clone();
        calls.push(tokio::spawn(async move { service.call::<_, ()>("read", "x".repeat(100)).await }));
        peer_rests().await;
    }
    let start = Instant::now();
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Deadline(_)), "{error}");
    }
    assert!(start.elapsed() < Duration::from_millis(30_200));
}

#[tokio::test(start_paused = true)]
async fn trace_scope_sends_ids_by_static_index() {
    let (service, mut peer) = storage();
    let trace = Trace { trace_id: 0x1234, span_id: 7, parent_id: 0 };
    let call = service.call::<_, Bytes>("read", ("c", "k"));
    let script = async {
        peer.expect(
            "94 01 00 92 a1 63 a1 6b 93 93 c2 50 a8 34 12 00 00 00 00 00 00 \
            93 c2 51 a8 07 00 00 00 00 00 00 00 93 c2 52 a8 00 00 00 00 00 00 00 00",
        )
        .await;
        peer.send(1, 0, ("v",)).await;
    };
    let (reply, ()) = tokio::join!(trace.scope(call), script);
    assert_eq!(reply.unwrap(), "v");
    assert_eq!(Trace::current(), None);
}

#[tokio::test(start_paused = true)]
async fn service_headers_are_sent_as_ordered_literals() {
    let (service, mut peer) = storage();
    let service = service.with_header("authorization", "TVM abc").with_header("x", vec![0xff]);
    let trace = Trace::root(1);
    let mut call = pin!(trace.scope(service.call::<_, Bytes>("read", ())));
    assert!(poll_once(&mut call).await.is_pending());
    peer.expect(
        "94 01 00 90 95 93 c2 50 a8 01 00 00 00 00 00 00 00 93 c2 51 a8 01 00 00 00 00 00 00 00 \
        93 c2 52 a8 00 00 00 00 00 00 00 00",
    )
    .await;
    peer.expect("93 c2 ad 61 75 74 68 6f 72 69 7a 61 74 69 6f 6e a7 54 56 4d 20 61 62 63 93 c2 a1 78 a1 ff")
        .await;
}

#[tokio::test(start_paused = true)]
async fn lost_connection_fails_all_calls_alike() {
    let (service, mut peer) = storage();
    let answered = in_flight(&service).await;
    let calls = [in_flight(&service).await, in_flight(&service).await, in_flight(&service).await];
    peer_rests().await;
    peer.send(1, 0, ("in time",)).await;
    drop(peer);
    assert_eq!(answered.await.unwrap().unwrap(), "in time");
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        let text = "test.read at peer:1: connection lost: closed by the other side, as runtimes do when they cannot read a call";
        assert_eq!(error.to_string(), text);
        assert!(!error.is_safe_to_retry(), "nobody knows what the other side has done");
    }
}

struct Failing;

impl Serialize for Failing {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom("not today"))
    }
}

struct Panicking;

impl Serialize for Panicking {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("not today either")
    }
}

#[tokio::test(start_paused = true)]
async fn arguments_that_fail_or_panic_leave_no_trace() {
    let (service, mut peer) = storage();
    let error = service.call::<_, ()>("read", ("begun", Failing)).await.unwrap_err();
    assert!(error.to_string().contains("cannot encode: not today"), "{error}");
    assert_eq!((error.method(), error.fault()), (Some("read"), Fault::Caller));
    let panicking = service.clone();
    let call = tokio::spawn(async move { panicking.call::<_, ()>("read", ("begun", Panicking)).await });
    assert!(call.await.unwrap_err().is_panic());
    peer.expect_silence().await;
    let call = in_flight(&service).await;
    peer.expect("93 01 00 92 a1 63 a1 6b").await;
    peer.send(1, 0, ("ok",)).await;
    assert_eq!(call.await.unwrap().unwrap(), "ok");
}

#[tokio::test(start_paused = true)]
async fn wrong_kind_or_name_of_method_is_refused() {
    let (service, mut peer) = Peer::serving([
        unary(0, "read"),
        method(1, "emit", Tree::end(), Tree::end()),
        method(2, "watch", Tree::end(), Tree::streaming()),
        method(3, "pipe", Tree::streaming(), Tree::streaming()),
    ]);
    for (method, text) in [("emit", "use `send`"), ("watch", "use `stream`"), ("pipe", "use `open`")] {
        let error = service.call::<_, ()>(method, ()).await.unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    assert!(service.send("read", ()).await.unwrap_err().to_string().contains("use `call`"));
    for name in ["ping", "revoke", "nothing"] {
        let error = service.call::<_, ()>(name, ()).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::SchemaMismatch { .. }),
            "control messages are no methods: {error}"
        );
        assert!(error.to_string().contains("only read, emit, watch, pipe"), "{error}");
    }
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn blob_of_three_mebibytes_arrives_whole() {
    let (service, mut peer) = storage();
    let blob = Bytes::from(vec![7; 3 << 20]);
    let call = {
        let (service, blob) = (service.clone(), blob.clone());
        tokio::spawn(async move { service.call::<_, Bytes>("read", (blob,)).await })
    };
    peer.expect("93 01 00 91 db 00 30 00 00").await;
    let mut sent = vec![0; 3 << 20];
    tokio::io::AsyncReadExt::read_exact(&mut peer.io, &mut sent).await.unwrap();
    assert!(sent == *blob);
    peer.send(1, 0, (blob.clone(),)).await;
    assert!(call.await.unwrap().unwrap() == blob);
}

#[tokio::test(start_paused = true)]
async fn blobs_of_one_reply_share_read_buffer() {
    let (service, mut peer) = storage();
    let call = {
        let service = service.clone();
        tokio::spawn(async move { service.call::<_, (Bytes, Bytes)>("read", ()).await })
    };
    peer.expect("93 01 00 90").await;
    peer.send(1, 0, (vec![1u8; 0], Value::Nil)).await;
    assert!(call.await.unwrap().is_err());
    let call = {
        let service = service.clone();
        tokio::spawn(async move { service.call::<_, (Bytes, Bytes)>("read", ()).await })
    };
    let blob = |len| Bytes::from(vec![9; len]);
    peer.expect("93 02 00 90").await;
    peer.send(2, 0, (blob(100_000), blob(5000))).await;
    let (one, two) = call.await.unwrap().unwrap();
    assert_eq!(two.as_ptr() as usize - one.as_ptr() as usize, 100_000 + 3, "neither was copied");
}

#[tokio::test(start_paused = true)]
async fn queued_output_is_written_after_last_handle() {
    let (service, mut peer) = Peer::serving([method(0, "emit", Tree::end(), Tree::end())]);
    service.send("emit", ("bye",)).await.unwrap();
    drop(service);
    peer.expect("93 01 00 91 a3 62 79 65").await;
    peer.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn lost_cloud_reports_that_no_locator_answers() {
    let (service, peer) = storage();
    drop(peer);
    peer_rests().await;
    let error: Error = service.call::<_, ()>("read", ()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error}");
    assert!(error.to_string().contains("no locator answers: 127.0.0.1:1"), "{error}");
    assert!(error.is_safe_to_retry(), "nothing was sent");
}
