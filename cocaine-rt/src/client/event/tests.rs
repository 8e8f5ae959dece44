//! Typed events over a pipe, with a peer that expects exact bytes.

mod recorded;

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{arguments::FirstChunk, spec::EventSpec};
use crate::{
    Bytes, Category, Code, Duplex, Error, ErrorKind, EventReceiver, EventReply, EventSender, Limits, Result,
    Service,
    protocol::{
        graph::{Graph, Tree},
        msgpack,
    },
    tests::peer::{Peer, method, unary},
};

static SHORTEN: EventSpec = EventSpec::new("shorten", "0123456789abcdef");
static PLAIN: EventSpec = EventSpec::new("e", "");

const HASH: &str = "93 c2 ae 63 6f 63 61 69 6e 65 2d 73 63 68 65 6d 61 \
                    b0 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66";
const CREDIT: &str = "93 c2 ae 63 6f 63 61 69 6e 65 2d 63 72 65 64 69 74 a8 00 00 08 00 00 00 00 00";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Link {
    slug: String,
    ttl: Option<u32>,
}

impl Link {
    fn sample() -> Self {
        Self { slug: "ab".to_owned(), ttl: None }
    }
}

/// A declared error, as generated code has it.
#[derive(Debug)]
enum LinkError {
    Taken(Error),
    Other(Error),
}

impl From<Error> for LinkError {
    fn from(error: Error) -> Self {
        match error.code() {
            Some(code) if code == Code::new(Category::WORKER_USER, 2) => Self::Taken(error),
            _ => Self::Other(error),
        }
    }
}

fn app_with(limits: Limits) -> (Service, Peer) {
    let methods = [method(0, "enqueue", Tree::streaming(), Tree::streaming()), unary(1, "info")];
    Peer::with(Graph::new(methods).with_controls(), 64 << 10, limits)
}

fn app() -> (Service, Peer) {
    app_with(Limits::default())
}

/// Calls `e` without arguments.
fn spawn_call<T>(service: &Service) -> tokio::task::JoinHandle<Result<T>>
where
    T: serde::de::DeserializeOwned + Send + 'static,
{
    let service = service.clone();
    tokio::spawn(async move { PLAIN.call(&service, FirstChunk::none()).await })
}

/// Answers a call on channel 1 with these chunks and `close`; returns the reply.
async fn reply_of<T>(chunks: &[Bytes]) -> Result<T>
where
    T: serde::de::DeserializeOwned + Send + 'static,
{
    let (service, mut peer) = app();
    let call = spawn_call(&service);
    peer.expect_event("94 01 00 91 a1 65").await;
    peer.expect("93 01 02 90").await;
    for chunk in chunks {
        peer.send(1, 0, (chunk,)).await;
    }
    peer.send(1, 2, ()).await;
    call.await.unwrap()
}

fn packed<T: Serialize + ?Sized>(value: &T) -> Bytes {
    msgpack::to_vec(value).unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn arguments_and_close_follow_request_at_once() {
    let (service, mut peer) = app();
    let call = tokio::spawn(async move {
        SHORTEN.call::<Link, Error>(&service, FirstChunk::value(&("u", Some(5_u32)))).await
    });
    peer.expect(&format!("94 01 00 91 a7 73 68 6f 72 74 65 6e 92 {HASH} {CREDIT}")).await;
    peer.expect("93 01 00 91 a4 92 a1 75 05 93 01 02 90").await;
    peer.send(1, 0, (packed(&Link::sample()),)).await;
    peer.expect_silence().await;
    assert!(!call.is_finished(), "the reply is read to its end");
    peer.send(1, 2, ()).await;
    assert_eq!(call.await.unwrap().unwrap(), Link::sample());
}

#[tokio::test(start_paused = true)]
async fn chunk_of_arguments_depends_on_their_number() {
    let (service, mut peer) = app();
    let long = "x".repeat(40);
    let arguments = [
        (FirstChunk::none(), String::new()),
        (FirstChunk::bytes(&"raw".into()), "00 91 a3 72 61 77".to_owned()),
        (FirstChunk::value(&7_u8), "00 91 a1 07".to_owned()),
        (FirstChunk::value(&Link::sample()), "00 91 ae 82 a4 73 6c 75 67 a2 61 62 a3 74 74 6c c0".to_owned()),
        (FirstChunk::value(&("a", None::<u8>)), "00 91 a4 92 a1 61 c0".to_owned()),
        (FirstChunk::value(&*long), format!("00 91 da 00 2b da 00 28 {}", "78".repeat(40))),
    ];
    for (id, (arguments, chunk)) in (1..).zip(arguments) {
        drop(PLAIN.stream::<Bytes, Error>(&service, arguments));
        peer.expect_event(&format!("94 {id:02x} 00 91 a1 65")).await;
        if !chunk.is_empty() {
            peer.expect(&format!("93 {id:02x} {chunk}")).await;
        }
        peer.expect(&format!("93 {id:02x} 02 90")).await;
        peer.send(id, 2, ()).await;
    }
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn replies_decode_as_payloads() {
    assert_eq!(reply_of::<Link>(&[packed(&Link::sample())]).await.unwrap(), Link::sample());
    assert_eq!(reply_of::<f64>(&[packed(&2)]).await.unwrap().to_bits(), 2.0_f64.to_bits());
    assert_eq!(reply_of::<Bytes>(&["any".into()]).await.unwrap(), "any");
    let large = Bytes::from(vec![7; 8192]);
    assert_eq!(reply_of::<Bytes>(std::slice::from_ref(&large)).await.unwrap(), large);
    reply_of::<()>(&[]).await.unwrap();
    reply_of::<()>(&[packed(&())]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn unfit_replies_name_app_event_and_reason() {
    let missing = reply_of::<Link>(&[]).await.unwrap_err();
    assert_eq!(
        missing.to_string(),
        "test.e at peer:1: cannot decode: the reply: the stream was closed without a chunk"
    );
    let second = reply_of::<u8>(&[packed(&1), packed(&2)]).await.unwrap_err();
    assert_eq!(
        second.to_string(),
        "test.e at peer:1: cannot decode: the reply: a second chunk, where the event answers with one"
    );
    let wrong = reply_of::<u8>(&[packed("text")]).await.unwrap_err();
    let text = wrong.to_string();
    assert!(
        text.starts_with("test.e at peer:1: cannot decode: the reply: ") && text.ends_with("at byte 0"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn reply_over_budget_is_an_error() {
    let (service, mut peer) = app_with(Limits { max_decoded_bytes: 1000, ..Limits::default() });
    let call = spawn_call::<Vec<String>>(&service);
    peer.expect_event("94 01 00 91 a1 65").await;
    peer.expect("93 01 02 90").await;
    peer.send(1, 0, (packed(&vec!["x"; 1000]),)).await;
    peer.send(1, 2, ()).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::LimitExceeded(_)), "{error}");
    assert!(error.to_string().contains("the reply: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn declared_error_has_its_own_variant() {
    let (service, mut peer) = app();
    for (id, code) in [(1, 2), (2, 3)] {
        let service = service.clone();
        let call =
            tokio::spawn(async move { PLAIN.call::<u8, LinkError>(&service, FirstChunk::none()).await });
        peer.expect_event(&format!("94 {id:02x} 00 91 a1 65")).await;
        peer.expect(&format!("93 {id:02x} 02 90")).await;
        peer.send(id, 1, ((43, code), "boom")).await;
        match call.await.unwrap().unwrap_err() {
            LinkError::Taken(error) => assert_eq!((code, error.method()), (2, Some("e"))),
            LinkError::Other(error) => assert_eq!(error.code().map(|code| code.code), Some(3)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn call_has_deadline_of_client_and_streams_none() {
    let (service, _peer) = app();
    let start = Instant::now();
    let error = spawn_call::<u8>(&service).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "test.e at peer:1: no answer within 30s");
    assert!(start.elapsed() >= Duration::from_secs(30));
    // The service would connect again after a deadline that was missed in silence.
    let (service, _peer) = app();
    let mut stream: EventReceiver<u8> = PLAIN.stream(&service, FirstChunk::none());
    assert!(tokio::time::timeout(Duration::from_hours(24), stream.recv()).await.is_err());
    let hasty = service.with_deadline(Duration::from_secs(2));
    let mut stream: EventReceiver<u8> = PLAIN.stream(&hasty, FirstChunk::none());
    assert!(matches!(stream.recv().await.unwrap().unwrap_err().kind(), ErrorKind::Deadline(_)));
    assert!(stream.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn short_deadline_is_kept_exactly() {
    let (service, _peer) = app();
    let start = Instant::now();
    let error =
        spawn_call::<u8>(&service.with_deadline(Duration::from_millis(250))).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "test.e at peer:1: no answer within 250ms");
    assert_eq!(start.elapsed(), Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn stream_decodes_chunk_by_chunk_until_error() {
    let (service, mut peer) = app();
    let mut links: EventReceiver<Link> = PLAIN.stream(&service, FirstChunk::none());
    peer.expect_event("94 01 00 91 a1 65").await;
    peer.expect("93 01 02 90").await;
    peer.send(1, 0, (packed(&Link::sample()),)).await;
    peer.send(1, 0, (packed(&3),)).await;
    peer.send(1, 0, (packed(&Link::sample()),)).await;
    assert_eq!(links.next().await.unwrap().unwrap(), Link::sample());
    let text = links.next().await.unwrap().unwrap_err().to_string();
    assert!(text.starts_with("test.e at peer:1: cannot decode: chunk 2 of the answer: "), "{text}");
    assert!(links.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn chunks_of_input_follow_arguments() {
    let (service, mut peer) = app();
    let mut upload: Duplex<EventSender<Link>, EventReply<u8>> =
        PLAIN.call_with_input(&service, FirstChunk::value("a")).await.unwrap();
    peer.expect_event("94 01 00 91 a1 65").await;
    peer.expect("93 01 00 91 a2 a1 61").await;
    peer.expect_silence().await;
    upload.send(Link::sample()).await.unwrap();
    peer.expect("93 01 00 91 ae 82 a4 73 6c 75 67 a2 61 62 a3 74 74 6c c0").await;
    let reply = tokio::spawn(upload.finish());
    peer.expect("93 01 02 90").await;
    peer.send(1, 0, (packed(&9),)).await;
    peer.send(1, 2, ()).await;
    assert_eq!(reply.await.unwrap().unwrap(), 9);
}

#[tokio::test(start_paused = true)]
async fn streams_go_both_ways() {
    let (service, mut peer) = app();
    let mut party: Duplex<EventSender<Bytes>, EventReceiver<u8>> =
        PLAIN.stream_with_input(&service, FirstChunk::none()).await.unwrap();
    peer.expect_event("94 01 00 91 a1 65").await;
    party.send("raw").await.unwrap();
    peer.expect("93 01 00 91 a3 72 61 77").await;
    peer.send(1, 0, (packed(&1),)).await;
    assert_eq!(party.recv().await.unwrap().unwrap(), 1);
    let mut answer = party.finish().unwrap();
    peer.expect("93 01 02 90").await;
    peer.send(1, 2, ()).await;
    assert!(answer.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn dropped_sender_ends_input_with_error() {
    let (service, mut peer) = app();
    let upload: Duplex<EventSender<u8>, EventReply<u8>> =
        PLAIN.call_with_input(&service, FirstChunk::none()).await.unwrap();
    peer.expect_event("94 01 00 91 a1 65").await;
    drop(upload.tx);
    peer.expect("93 01 01 92 92").await;
}

#[tokio::test(start_paused = true)]
async fn arguments_count_against_credit() {
    let (service, mut peer) = app();
    let mut upload: Duplex<EventSender<Bytes>, EventReply<()>> =
        PLAIN.call_with_input(&service, FirstChunk::bytes(&vec![0; 100].into())).await.unwrap();
    peer.expect_event("94 01 00 91 a1 65").await;
    peer.expect(&format!("93 01 00 91 da 00 64 {}", "00".repeat(100))).await;
    // The peer grants what the arguments have cost already: 104 bytes of arguments, and 64.
    peer.write("93 01 cd ff fb 91 cc a8").await;
    let sent = tokio::spawn(async move { upload.send("more").await.map(|()| upload) });
    peer.expect_silence().await;
    peer.write("93 01 cd ff fb 91 01").await;
    peer.expect("93 01 00 91 a4 6d 6f 72 65").await;
    drop(sent.await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn arguments_that_cannot_be_encoded_send_nothing() {
    let (service, mut peer) = app();
    let error = PLAIN.call::<(), Error>(&service, FirstChunk::value(&1_i128)).await.unwrap_err();
    assert!(error.to_string().starts_with("test.e at peer:1: cannot encode: the arguments: "), "{error}");
    let mut stream: EventReceiver<u8> = PLAIN.stream(&service, FirstChunk::value(&1_i128));
    assert!(matches!(stream.recv().await.unwrap().unwrap_err().kind(), ErrorKind::Encode(_)));
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn service_that_is_no_app_is_named() {
    let (service, mut peer) = Peer::serving([unary(0, "enqueue"), unary(1, "info")]);
    let error = PLAIN.call::<(), Error>(&service, FirstChunk::none()).await.unwrap_err();
    assert!(
        error.to_string().starts_with("test.e at peer:1: expected a method `enqueue` of an app"),
        "{error}"
    );
    let (service, _peer) = Peer::serving([unary(1, "info")]);
    let error = PLAIN.call::<(), Error>(&service, FirstChunk::none()).await.unwrap_err();
    assert!(error.to_string().contains("expected a method `enqueue`, found only info"), "{error}");
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn lost_connection_fails_call_with_context() {
    let (service, mut peer) = app();
    let call = spawn_call::<u8>(&service);
    peer.expect_event("94 01 00 91 a1 65").await;
    drop(peer);
    let error = call.await.unwrap().unwrap_err();
    assert!(error.is_disconnected() && error.to_string().starts_with("test.e at peer:1: "), "{error}");
}

#[test]
fn halves_and_specs_can_be_shared() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Send + Sync>() {}
    is_sync::<EventSpec>();
    is_sync::<EventReceiver<u8, Error>>();
    is_send::<EventSender<Arc<str>>>();
    is_send::<EventReply<u8>>();
}
