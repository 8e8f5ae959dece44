//! Offers of requests in pieces, to an app that answers in exact bytes.

use cocaine::Bytes;

use crate::{
    app::{Cloud, ReceivedEvent, Step, text},
    client::{Client, Response},
    harness::{assert_idle, start_cloud},
};

/// `[102, []]`: the offer is understood.
const RECEIVED: &[u8] = b"\x92\x66\x90";

/// `[100, []]`: the offer is accepted.
const ACCEPTED: &[u8] = b"\x92\x64\x90";

/// More than is read before the node has said that it understands offers.
const LENGTH: usize = 3 << 20;

fn chunk(bytes: &'static [u8]) -> Step {
    Step::Chunk(Bytes::from(bytes))
}

fn queue_full() -> Step {
    Step::Error(0x52ff, 1, "queue is full".into())
}

fn declined() -> Step {
    Step::Error(0x51ff, 100, "as one chunk".into())
}

/// Sends a large request, and returns its response.
async fn upload(cloud: &Cloud) -> Response {
    let mut client = Client::connect(cloud.http_addr()).await;
    client.send(format!("POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
    client.send(vec![b'u'; LENGTH]).await;
    client.read_response("POST").await
}

/// Checks that an event has the whole request in one chunk, and nothing of an offer.
fn assert_whole(event: &ReceivedEvent) {
    assert_eq!((event.chunks.len(), event.request().body.len()), (1, LENGTH));
    assert_eq!(event.headers.get("cocaine-body"), None);
}

#[tokio::test]
async fn accepted_offer_is_followed_by_pieces() {
    let mut cloud = start_cloud().await;
    cloud.answer_offers([vec![chunk(RECEIVED), chunk(ACCEPTED)]]);
    cloud.respond(text("taken"));
    assert_eq!(upload(&cloud).await.text(), "taken");
    let event = cloud.next_event().await;
    let request = event.request();
    assert_eq!(&*request.method, b"POST");
    assert!(request.headers.contains(&("Content-Length".into(), LENGTH.to_string().into())));
    let rest: usize = event.chunks[1..].iter().map(|chunk| chunk.len()).sum();
    assert_eq!(request.body.len() + rest, LENGTH);
    assert!(event.chunks.len() > 1, "it does not come at once");
    assert_eq!(event.headers.get("cocaine-body").unwrap(), &b"pieces"[..]);
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn declined_offer_is_followed_by_whole_request() {
    let mut cloud = start_cloud().await;
    cloud.answer_offers([vec![chunk(RECEIVED), queue_full()], vec![chunk(RECEIVED), declined()]]);
    cloud.respond(text("taken"));
    assert_eq!(upload(&cloud).await.text(), "taken");
    assert_whole(&cloud.next_event().await);
    assert!(cloud.drain_events().is_empty());
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn app_of_original_node_gets_no_offer() {
    let mut cloud = start_cloud().await;
    cloud.respond(text("taken"));
    assert_eq!(upload(&cloud).await.text(), "taken");
    assert_whole(&cloud.next_event().await);
    assert!(cloud.drain_events().is_empty());
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn unanswered_offer_is_followed_by_whole_request() {
    let mut cloud = start_cloud().await;
    cloud.answer_offers([]);
    for _ in 0..2 {
        cloud.respond(text("taken"));
        assert_eq!(upload(&cloud).await.text(), "taken");
        assert_whole(&cloud.next_event().await);
    }
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn request_is_not_repeated_after_acceptance() {
    let mut cloud = start_cloud().await;
    cloud.answer_offers([vec![chunk(RECEIVED), chunk(ACCEPTED), queue_full()]]);
    let response = upload(&cloud).await;
    assert_eq!(
        (response.status, response.text().contains("queue is full")),
        (503, true),
        "{}",
        response.text()
    );
    assert!(cloud.drain_events().is_empty());
    assert_idle(&mut cloud).await;
}
