//! What decoding may cost, on both sides of a call.

#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::future::pending;

use allocation_counter::measure;
use cocaine::{
    Bytes, Client, Code, ErrorKind, Limits, Result, ServiceClient, Value, msgpack, server::Server,
};
use cocaine_bindings::{ServeStorage, Storage, StorageClient};
use futures_util::{StreamExt, stream::FuturesUnordered};
use test_locator::TestLocator;

/// A storage that returns the tags that it is asked for.
#[derive(Clone)]
struct TagEcho;

impl Storage for TagEcho {
    async fn read(&self, _: &str, _: &str) -> Result<Bytes> {
        Ok(Bytes::new())
    }

    /// Never answers.
    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        pending().await
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn find(&self, _: &str, tags: &[&str]) -> Result<Vec<String>> {
        Ok(tags.iter().map(ToString::to_string).collect())
    }
}

/// Returns a list of as many nils, encoded.
fn nils(count: u32) -> Vec<u8> {
    [&[0xdd][..], &count.to_be_bytes(), &vec![0xc0; count as usize]].concat()
}

#[test]
fn refused_value_allocates_no_more_than_its_limit() {
    let (encoded, limit) = (nils(1 << 20), 1 << 20);
    let mut outcome = None;
    let counted = measure(|| outcome = Some(msgpack::from_slice_within::<Value>(&encoded, limit)));
    let error = outcome.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::LimitExceeded(_)), "{error}");
    // A list that grows has room for twice its elements, and is copied into a new one of that size.
    let most = 3 * (encoded.len() + limit) as u64;
    assert!(counted.bytes_max <= most, "{} bytes of {most}", counted.bytes_max);
}

#[test]
fn decoded_value_takes_what_it_is_charged() {
    let encoded = nils(1000);
    let mut value = None;
    let counted = measure(|| value = Some(msgpack::from_slice::<Value>(&encoded).unwrap()));
    assert_eq!(counted.bytes_max, 1000 * size_of::<Value>() as u64);
    drop(value);
}

#[tokio::test]
async fn reply_with_too_many_values_fails_its_call() {
    let server = Server::bind("127.0.0.1:0", ServeStorage::new(|_| TagEcho)).await.unwrap();
    let names = TestLocator::default();
    names.add::<StorageClient>("storage", server.local_addr());
    let locator = names.serve("127.0.0.1:0").await;
    let limits = Limits::default().max_decoded_bytes(1 << 16);
    let client = Client::builder(&locator.local_addr().to_string()).unwrap().limits(limits).build();
    let storage = client.dynamic("storage").await.unwrap();
    let error = storage.call::<_, Value>("find", ("c", vec![""; 10_000])).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::LimitExceeded(text) if text.contains("65536 bytes")),
        "{error}"
    );
    let endpoint = storage.endpoint();
    assert!(storage.call::<_, Value>("find", ("c", vec![""; 10])).await.is_ok());
    assert!(endpoint.is_some() && storage.endpoint() == endpoint, "the connection has not ended");
}

#[tokio::test]
async fn decoded_arguments_count_until_their_call_ends() {
    let limits = Limits::default().max_decoded_bytes(1 << 20).max_in_use_bytes(2_000_000);
    let server = Server::builder(ServeStorage::new(|_| TagEcho)).limits(limits);
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let names = TestLocator::default();
    names.add::<StorageClient>("storage", server.local_addr());
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::new(&locator.local_addr().to_string()).unwrap();
    let storage = client.service::<StorageClient>().await.unwrap();
    // Each takes 800,000 bytes as a list of texts. All arrive together; two of them fit at once.
    let tags = vec![""; 50_000];
    let held = Bytes::from("held");
    let mut calls = FuturesUnordered::new();
    for _ in 0..3 {
        calls.push(storage.write("c", "k", &held, Some(&tags)));
    }
    let mut failed = 0;
    while failed == 0 {
        tokio::select! {
            biased;
            Some(answer) = calls.next() => {
                let error = answer.unwrap_err();
                assert!(error.to_string().contains("`max_in_use_bytes`"), "{error}");
                failed += 1;
            }
        }
    }
    // The others are answered by no one, and give their room back when their caller gives up.
    drop(calls);
    assert_eq!(storage.find("c", &["a"]).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn call_with_too_many_arguments_is_answered() {
    let limits = Limits::default().max_decoded_bytes(1 << 16);
    let server = Server::builder(ServeStorage::new(|_| TagEcho)).limits(limits);
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let names = TestLocator::default();
    names.add::<StorageClient>("storage", server.local_addr());
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::new(&locator.local_addr().to_string()).unwrap();
    let storage = client.service::<StorageClient>().await.unwrap();
    let error = storage.find("c", &vec![""; 100_000]).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::UNCAUGHT_ERROR));
    let text = error.to_string();
    assert!(text.contains("more than 65536 bytes of memory") && text.contains("max_decoded_bytes"), "{text}");
    let endpoint = storage.service().endpoint();
    assert_eq!(storage.find("c", &["a"]).await.unwrap(), ["a"]);
    assert!(endpoint.is_some() && storage.service().endpoint() == endpoint, "the connection has not ended");
}
