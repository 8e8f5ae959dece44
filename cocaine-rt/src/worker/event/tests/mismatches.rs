use super::{Client, EventEnd, packed};
use crate::{
    Events, Result, Schema, SessionReceiver, events,
    schema::{AppSchema, HASH_HEADER, hash_text},
    worker,
};

#[derive(serde::Serialize, serde::Deserialize, Schema)]
struct Link {
    slug: String,
    ttl: Option<u32>,
}

#[worker]
async fn shorten(link: Link, _note: Option<String>) -> String {
    link.slug
}

#[worker]
async fn count(mut links: SessionReceiver<Link>) -> Result<u8> {
    let mut count = 0;
    while let Some(link) = links.recv().await.transpose()? {
        count += u8::from(link.ttl.is_none());
    }
    Ok(count)
}

#[worker]
async fn store(link: Link) -> String {
    link.slug
}

/// A link whose `ttl` is a text.
fn other_link() -> impl serde::Serialize {
    std::collections::BTreeMap::from([("slug", "a"), ("ttl", "1 h")])
}

/// Returns how the only event of `events` ends for a caller that was made for a schema.
async fn ask_from(
    events: impl Events,
    caller: Option<&str>,
    chunks: impl IntoIterator<Item = crate::Bytes>,
) -> EventEnd {
    let mut client = Client::of(events).await;
    let event = client.events[0].0.clone();
    match caller {
        Some(hash) => client.call_with_header(&event, HASH_HEADER, hash).await,
        None => client.call(&event).await,
    }
    for chunk in chunks {
        client.chunk(chunk).await;
    }
    client.node.send(client.channel, 2, ()).await;
    client.end().await
}

const OTHER: &str = "0123456789abcdef";

fn own_hash(events: impl Events, event: &str) -> String {
    hash_text(AppSchema::of(events).unwrap().event_hash(event).unwrap())
}

fn versions(text: &str, own: &str) -> EventEnd {
    let text = format!("{text}; the caller was made for schema {OTHER} of this event, this worker has {own}");
    EventEnd::Failed(42, 101, text)
}

#[tokio::test]
async fn other_schema_is_named_with_the_place() {
    let own = own_hash(events![shorten], "shorten");
    let chunk = || [packed(&(other_link(), ()))];
    let text = "shorten: argument `link.ttl`: expected option<u32>, found text";
    assert_eq!(ask_from(events![shorten], Some(OTHER), chunk()).await, versions(text, &own));
    for caller in
        [None, Some(&*own), Some("0123456789abcde"), Some("0123456789abcdeg"), Some("+123456789abcdef")]
    {
        assert_eq!(ask_from(events![shorten], caller, chunk()).await, EventEnd::failed(text), "{caller:?}");
    }
    let whole =
        "shorten: argument `link`: expected cocaine::worker::event::tests::mismatches::Link, found integer";
    assert_eq!(ask_from(events![shorten], Some(OTHER), [packed(&(1, ()))]).await, versions(whole, &own));
    let own = own_hash(events![store], "store");
    let text = text.replace("shorten", "store");
    assert_eq!(ask_from(events![store], Some(OTHER), [packed(&other_link())]).await, versions(&text, &own));
}

#[tokio::test]
async fn readable_payload_of_other_schema_is_handled() {
    let link = Link { slug: "a".into(), ttl: None };
    assert_eq!(ask_from(events![store], Some(OTHER), [packed(&link)]).await, EventEnd::value(&"a"));
}

#[tokio::test]
async fn missing_arguments_of_other_schema_are_reported() {
    let own = own_hash(events![shorten], "shorten");
    let cases = [
        (Some(packed(&[0; 0])), "shorten: argument `link` is missing"),
        (
            Some(packed(&"x")),
            "shorten: the arguments (link, _note): expected an array, found a text at byte 0",
        ),
        (Some(crate::Bytes::from(b"\x90\x00")), "shorten: argument `link` is missing"),
        (None, "shorten: the client closed its stream before it sent the arguments (link, _note)"),
    ];
    for (chunk, text) in cases {
        assert_eq!(ask_from(events![shorten], Some(OTHER), chunk.clone()).await, versions(text, &own));
        assert_eq!(ask_from(events![shorten], None, chunk).await, EventEnd::failed(text));
    }
}

#[tokio::test]
async fn later_chunks_of_other_schema_are_reported() {
    let own = own_hash(events![count], "count");
    let link = Link { slug: "a".into(), ttl: None };
    let chunks = || [packed(&link), packed(&other_link())];
    let text = "count: a chunk: `.ttl`: expected option<u32>, found text";
    assert_eq!(ask_from(events![count], Some(OTHER), chunks()).await, versions(text, &own));
    assert_eq!(ask_from(events![count], None, chunks()).await, EventEnd::failed(text));
    let whole = "count: a chunk: expected cocaine::worker::event::tests::mismatches::Link, found integer";
    assert_eq!(ask_from(events![count], Some(OTHER), [packed(&1)]).await, versions(whole, &own));
}
