//! Typed calls of a worker of the original Python framework behind the original runtime, which know nothing of schemas: what
//! is sent, but for headers, is what was recorded, and what they answered is read (`traces/pyframework`).

use serde::{Deserialize, Serialize};
use test_support::{hex, recording::Recording};

use super::{CREDIT, HASH, app};
use crate::{
    Bytes, Code, Error, Result,
    client::event::{arguments::FirstChunk, spec::EventSpec},
};

const CLOSE: &str = "93010290";

/// Calls an event with these arguments while the peer answers as recorded.
async fn replay(name: &str, event: &'static EventSpec, arguments: FirstChunk) -> Result<Bytes> {
    let frames_of = |direction: &str| -> Vec<String> {
        let events = Recording::read(&format!("pyframework/{name}")).events;
        let matching = events.into_iter().filter(|event| event.dir == direction);
        matching
            .flat_map(|event| event.frames().map(|frame| hex::encode(&frame)).collect::<Vec<_>>())
            .collect()
    };
    let (service, mut peer) = app();
    let call = tokio::spawn(async move { event.call::<Bytes, Error>(&service, arguments).await });
    let sent = frames_of("c2s");
    // The request has headers, and so four elements.
    peer.expect(&format!("{} 92 {HASH} {CREDIT}", sent[0].replacen("93", "94", 1))).await;
    for chunk in sent[1..].iter().filter(|frame| *frame != CLOSE) {
        peer.expect(chunk).await;
    }
    peer.expect(CLOSE).await;
    for frame in frames_of("s2c") {
        peer.write(&frame).await;
    }
    call.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn recorded_python_worker_is_called_typed() {
    static PING: EventSpec = EventSpec::new("ping", "0123456789abcdef");
    static ECHO: EventSpec = EventSpec::new("echo", "0123456789abcdef");
    assert_eq!(replay("worker_ping", &PING, FirstChunk::none()).await.unwrap(), "pong");
    assert_eq!(replay("worker_echo", &ECHO, FirstChunk::bytes(&"payload".into())).await.unwrap(), "payload");
}

#[tokio::test(start_paused = true)]
async fn recorded_python_errors_keep_their_codes() {
    static ERR: EventSpec = EventSpec::new("err", "0123456789abcdef");
    static UNKNOWN: EventSpec = EventSpec::new("nohandler", "0123456789abcdef");
    let error = replay("worker_err", &ERR, FirstChunk::none()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::HANDLER_FAILED));
    assert!(error.to_string().contains("framework error"), "{error}");
    let error = replay("worker_unknown", &UNKNOWN, FirstChunk::none()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::UNKNOWN_EVENT));
}

/// Python's dictionaries are structs, whatever the order of their keys, and what a struct lacks is skipped.
#[tokio::test(start_paused = true)]
async fn python_dictionary_is_read_as_struct() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Point {
        x: f64,
        y: f64,
    }
    static POINT: EventSpec = EventSpec::new("point", "");
    let (service, mut peer) = app();
    let call = tokio::spawn(async move { POINT.call::<Point, Error>(&service, FirstChunk::none()).await });
    peer.expect_event("94 01 00 91 a5 70 6f 69 6e 74").await;
    peer.expect("93 01 02 90").await;
    // msgpack.packb({"y": 2, "x": 1.5, "z": None}) of Python.
    let chunk = hex::decode("83a17902a178cb3ff8000000000000a17ac0");
    peer.send(1, 0, (Bytes::from(chunk),)).await;
    peer.send(1, 2, ()).await;
    assert_eq!(call.await.unwrap().unwrap(), Point { x: 1.5, y: 2.0 });
}
