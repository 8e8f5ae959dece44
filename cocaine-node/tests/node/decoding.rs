//! Arguments and stored values that would take far more memory than their bytes.

use cocaine::{Code, Error, Value};
use cocaine_bindings::{Node as _, NodeClient, Storage, StorageClient};
use cocaine_node::{Node, log::Log};

use crate::{client, frame_client::FrameClient, logging::lines, node, service};

/// Returns a list of as many nils, encoded.
fn nils(count: u32) -> Vec<u8> {
    [&[0xdd][..], &count.to_be_bytes(), &vec![0xc0; count as usize]].concat()
}

async fn raw(node: &Node, service: &str) -> FrameClient {
    FrameClient::connect(client(node).resolve(service, None).await.unwrap().endpoints[0].0).await
}

async fn start_error(node: &Node, profile: &[u8]) -> Error {
    let storage: StorageClient = service(node).await;
    storage.write("profiles", "p", &profile.into(), Some(&["profile"])).await.unwrap();
    service::<NodeClient>(node).await.start_app("app", "p").await.unwrap_err()
}

#[tokio::test]
async fn unicorn_value_is_refused_undecoded() {
    let node = node().await;
    let mut unicorn = raw(&node, "unicorn").await;
    // Ten times what decoding may take, if it were decoded.
    let put = [&b"\x93\x01\x02\x93\xa2/a"[..], &nils(2 << 20), b"\x00"].concat();
    unicorn.send_bytes(&put).await;
    let (channel, kind, args) = unicorn.recv().await;
    assert_eq!((channel, kind), (1, 1));
    let args = args.as_array().unwrap();
    assert_eq!(args[0], Value::Array(vec![11.into(), 11.into()]));
    let text = args[1].as_str().unwrap();
    assert!(
        text.contains("arguments of 2097162 bytes are more than a path of 1024 and a value of 1048576"),
        "{text}"
    );
    // One that is small enough, but not once it is decoded.
    unicorn.send_bytes(&[&b"\x93\x02\x02\x93\xa2/a"[..], &nils(1 << 19), b"\x00"].concat()).await;
    let (channel, kind, args) = unicorn.recv().await;
    assert_eq!((channel, kind), (2, 1));
    assert!(args.to_string().contains("max_decoded_bytes"), "{args}");
    unicorn.expect_silence().await;
    node.shutdown().await;
}

#[tokio::test]
async fn log_message_too_large_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = Log::builder().file(&path).start().unwrap();
    let node = Node::builder().listen("127.0.0.1:0").log(log.clone()).start().await.unwrap();
    let mut logging = raw(&node, "logging").await;
    let attributes =
        |count: u32| [&[0xdd][..], &count.to_be_bytes(), &b"\x92\xa0\xc3".repeat(count as usize)].concat();
    for (channel, count) in [(1, 6 << 20), (2, 1 << 20), (3, 2)] {
        let emit = [&[0x93, channel][..], b"\x00\x94\x03\xa3app\xa4text", &attributes(count)].concat();
        logging.send_bytes(&emit).await;
    }
    logging.expect_silence().await;
    node.shutdown().await;
    log.close().await;
    let lines = lines(&path);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["attributes"][""], serde_json::json!([true, true]));
}

#[tokio::test]
async fn profile_too_large_is_refused() {
    let node = node().await;
    let error = start_error(&node, &[&b"\x81\xa1x"[..], &nils(1 << 20)].concat()).await;
    assert_eq!(error.code(), Some(Code::posix(27)));
    assert!(error.to_string().contains("profiles/p has 1048584 bytes, and may have 1048576"), "{error}");
    let error = start_error(&node, &[&b"\x81\xa1x"[..], &nils(1 << 19)].concat()).await;
    assert_eq!(error.code(), Some(Code::posix(27)));
    assert!(error.to_string().contains("the profile has too many fields"), "{error}");
    node.shutdown().await;
}
