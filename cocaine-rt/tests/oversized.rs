//! Messages that are longer than a frame may be.

#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::sync::Arc;

use cocaine::{
    Bytes, Client, Code, Error, ErrorKind, Limits, Receiver, ReplySender, Result, Sender, ServiceClient,
    server::Server,
};
use cocaine_bindings::{App, AppClient, AppServer, ServeApp, ServeStorage, Storage, StorageClient};
use test_locator::TestLocator;

/// A storage of zeros; a key is the length of its blob.
#[derive(Clone)]
struct Zeros;

impl Storage for Zeros {
    async fn read(&self, _: &str, key: &str) -> Result<Bytes> {
        Ok(vec![0; key.parse().unwrap()].into())
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn find(&self, _: &str, tags: &[&str]) -> Result<Vec<String>> {
        Ok(tags.iter().map(ToString::to_string).collect())
    }
}

/// An app that answers with the lengths of the chunks, or with the error that it gets in place of one.
#[derive(Clone)]
struct Lengths;

impl AppServer for Lengths {
    async fn enqueue(
        &self,
        _: &str,
        _: Option<&str>,
        mut input: Receiver<Bytes>,
        mut output: Sender<Bytes>,
    ) -> Result<()> {
        while let Some(chunk) = input.recv().await {
            match chunk {
                Ok(chunk) => output.send(chunk.len().to_string()).await?,
                Err(error) => return output.fail(&error),
            }
        }
        output.finish()
    }

    async fn info(&self) -> Result<cocaine::Value> {
        Ok(cocaine::Value::Nil)
    }

    async fn control(&self, _: Receiver<i32>, output: ReplySender<()>) -> Result<()> {
        output.abandon();
        Ok(())
    }
}

/// The limit of the side that has one.
const LIMIT: usize = 100_000;

struct TestCloud {
    client: Client,
    _servers: [Server; 3],
}

async fn cloud(server_limits: Limits, client_limits: Limits) -> TestCloud {
    let storage = Server::builder(ServeStorage::new(|_| Zeros)).limits(server_limits);
    let storage = storage.bind("127.0.0.1:0").await.unwrap();
    let app = Server::builder(ServeApp::new(|_| Lengths)).limits(server_limits);
    let app = app.bind("127.0.0.1:0").await.unwrap();
    let names = TestLocator::default();
    names.add::<StorageClient>("storage", storage.local_addr());
    names.add::<AppClient>("app", app.local_addr());
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::builder(&locator.local_addr().to_string()).unwrap().limits(client_limits).build();
    TestCloud { client, _servers: [locator, storage, app] }
}

fn small() -> Limits {
    Limits::default().max_frame_bytes(LIMIT)
}

fn local_port(storage: &StorageClient) -> Arc<str> {
    storage.service().endpoint().expect("a connection")
}

#[tokio::test]
async fn call_too_long_is_answered_with_limit() {
    let cloud = cloud(small(), Limits::default()).await;
    let storage: StorageClient = cloud.client.service().await.unwrap();
    for (len, round) in [(LIMIT, 0), (3 << 20, 1), (LIMIT, 2)] {
        let error = storage.write("c", "k", &vec![0; len].into(), None).await.unwrap_err();
        assert_eq!(error.code(), Some(Code::UNCAUGHT_ERROR), "{round}");
        let text = error.to_string();
        let frame = format!("a message of {} bytes is longer than 100000", frame_len(len));
        assert!(text.contains(&frame) && text.contains("`max_frame_bytes`"), "{text}");
        let endpoint = local_port(&storage);
        storage.write("c", "k", &vec![0; LIMIT - 1000].into(), None).await.unwrap();
        assert_eq!(storage.find("c", &["a"]).await.unwrap(), ["a"]);
        assert_eq!(local_port(&storage), endpoint, "the connection lives on");
    }
    // One that is too long by many small values.
    let error = storage.find("c", &vec!["a"; LIMIT]).await.unwrap_err();
    assert!(error.to_string().contains("`max_frame_bytes`"), "{error}");
}

/// Returns the length of the frame that writes a blob of `len` bytes.
fn frame_len(len: usize) -> usize {
    len + "\u{4}\u{1}\u{1}\u{3}_c_k".len() + 5
}

#[tokio::test]
async fn reply_too_long_fails_its_call() {
    let cloud = cloud(Limits::default(), small()).await;
    let storage: StorageClient = cloud.client.service().await.unwrap();
    let endpoint = {
        storage.find("c", &["a"]).await.unwrap();
        local_port(&storage)
    };
    let large = storage.read("c", "3000000");
    let other = storage.read("c", "10");
    let (large, other) = tokio::join!(large, other);
    assert_eq!(other.unwrap().len(), 10, "calls beside it are answered");
    let error: Error = large.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::LimitExceeded(text) if text.contains("longer than 100000")),
        "{error}"
    );
    assert_eq!(storage.read("c", "90000").await.unwrap().len(), 90_000);
    assert_eq!(local_port(&storage), endpoint, "the connection lives on");
}

#[tokio::test]
async fn chunk_too_long_fails_its_stream() {
    let cloud = cloud(small(), Limits::default()).await;
    let app: AppClient = cloud.client.service_named("app").await.unwrap();
    let mut stream = app.enqueue("event", None).await.unwrap();
    stream.tx.send(vec![0; 5]).await.unwrap();
    assert_eq!(stream.rx.recv().await.unwrap().unwrap(), "5");
    stream.tx.send(vec![0; LIMIT]).await.unwrap();
    let error = stream.rx.recv().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("longer than 100000"), "{error}");
    // So does one that opens a channel with arguments that are too long.
    let mut refused = app.enqueue(&"e".repeat(LIMIT), None).await.unwrap();
    let error = refused.rx.recv().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("longer than 100000"), "{error}");
    let mut stream = app.enqueue("event", None).await.unwrap();
    stream.tx.send(vec![0; 7]).await.unwrap();
    assert_eq!(stream.rx.recv().await.unwrap().unwrap(), "7");
    stream.tx.finish().unwrap();
    assert!(stream.rx.recv().await.is_none());
}
