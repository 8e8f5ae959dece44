//! The generated client calls a worker on a node.

use cocaine::{
    Bytes, Code, ErrorKind, ServiceClient, Worker,
    bind::{EventSpec, FirstChunk},
    msgpack,
};
use cocaine_bindings::{App as _, AppClient};
use cocaine_test::Cloud;
use futures_util::TryStreamExt;

use crate::{
    shop::{Click, Link, LinkError, Shop as _, ShopClient},
    worker,
};

/// Starts a cloud with the app, and returns a client of it.
async fn start() -> (Cloud, ShopClient) {
    let cloud = Cloud::start().await.unwrap();
    cloud.worker("shop", |worker: Worker| worker.serve(worker::Shop.events())).await.unwrap();
    let shop = cloud.client().service().await.unwrap();
    (cloud, shop)
}

fn link(slug: &str, ttl: Option<u32>) -> Link {
    Link { slug: slug.to_owned(), url: "https://example.org".to_owned(), ttl }
}

#[tokio::test]
async fn replies_are_typed() {
    let (_cloud, shop) = start().await;
    let short = shop.shorten("https://example.org", Some(5)).await.unwrap();
    assert_eq!(short, link("s19", Some(5)));
    assert_eq!(shop.find("ab").await.unwrap(), Some(link("ab", None)));
    assert_eq!(shop.find("cd").await.unwrap(), None);
    assert_eq!(shop.store(&link("x", Some(7))).await.unwrap(), 7);
    assert_eq!(shop.count().await.unwrap(), 42);
    shop.stop().await.unwrap();
    let image = Bytes::from(vec![0xc1; 100_000]);
    assert_eq!(shop.thumbnail(&image).await.unwrap(), image);
}

#[tokio::test]
async fn streams_are_typed() {
    let (_cloud, shop) = start().await;
    let clicks: Vec<_> = shop.clicks(2).try_collect().await.unwrap();
    assert_eq!(clicks, [Click::Human { at: 0 }, Click::Human { at: 1 }, Click::Robot]);
    let mut import = shop.import(10).await.unwrap();
    for ttl in 1..=3 {
        import.send(link("x", Some(ttl))).await.unwrap();
    }
    assert_eq!(import.finish().await.unwrap(), 60);
    let mut echo = shop.echo().await.unwrap();
    echo.send("one").await.unwrap();
    assert_eq!(echo.recv().await.unwrap().unwrap(), "one");
    assert!(echo.finish().unwrap().recv().await.is_none());
}

#[tokio::test]
async fn events_without_types_take_chunks() {
    let (_cloud, shop) = start().await;
    let secret = msgpack::to_vec(&worker::Secret(7)).unwrap().into();
    let hidden = shop.hide(&secret).await.unwrap();
    assert_eq!(msgpack::from_bytes::<u8>(&hidden).unwrap(), 8);
    let mut raw = shop.raw().await.unwrap();
    raw.send("no \u{1}MessagePack").await.unwrap();
    assert_eq!(raw.recv().await.unwrap().unwrap(), "no \u{1}MessagePack");
    assert!(raw.finish().unwrap().recv().await.is_none());
}

#[tokio::test]
async fn declared_errors_are_variants() {
    let (_cloud, shop) = start().await;
    match shop.shorten("taken", None).await.unwrap_err() {
        LinkError::Taken(error) => {
            assert_eq!((error.service_name(), error.method()), (Some("shop"), Some("shorten")));
            assert!(error.to_string().contains("the link is taken"), "{error}");
        }
        other => panic!("{other}"),
    }
    let odd = shop.shorten("odd", None).await.unwrap_err();
    assert!(matches!(&odd, LinkError::Other(_)), "{odd}");
    assert_eq!(cocaine::Error::from(odd).code().map(|code| code.code), Some(77));
    let mut watch = shop.watch();
    assert_eq!(watch.try_next().await.unwrap().unwrap(), "first");
    assert!(matches!(watch.try_next().await, Err(LinkError::Gone(_))));
    assert!(watch.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn calls_by_hand_remain_possible() {
    let (cloud, shop) = start().await;
    let app = AppClient::from_service(shop.service().clone());
    let mut event = app.enqueue("count", None).await.unwrap();
    let chunk = event.recv().await.unwrap().unwrap();
    assert_eq!(msgpack::from_bytes::<u64>(&chunk).unwrap(), 42);
    let other: ShopClient = cloud.client().service_named("shop").await.unwrap();
    assert_eq!(other.with_header("x", "y").count().await.unwrap(), 42);
}

#[tokio::test]
async fn unfit_reply_names_app_and_event() {
    static COUNT: EventSpec = EventSpec::new("count", "");
    let (_cloud, shop) = start().await;
    let count: cocaine::Result<String> = COUNT.call(shop.service(), FirstChunk::none()).await;
    let error = count.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Decode(_)), "{error}");
    assert!(error.to_string().starts_with("shop.count at 127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn unknown_event_has_its_code() {
    static GONE: EventSpec = EventSpec::new("gone", "");
    let (_cloud, shop) = start().await;
    let gone: cocaine::Result<()> = GONE.call(shop.service(), FirstChunk::none()).await;
    assert_eq!(gone.unwrap_err().code(), Some(Code::UNKNOWN_EVENT));
}
