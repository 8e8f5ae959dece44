//! The announcements that another node receives, compared with the bytes of the original.

use cocaine_node::{Node, config::NodeConfig};

use test_support::hex;

use crate::frame_client::FrameClient;

const UUID: &str = "73cae3a3-0917-4d34-b363-037f13514d53";

/// The end of every chunk: the trace ids and the extra parameters.
const SUFFIX: &str = "9493c2a874726163655f6964a8000000000000000093c2a77370616e5f6964a8000000000000000093c2a9706172656e74\
                    5f6964a8000000000000000093c2b7782d636f6361696e652d6c6f6361746f722d6578747261da002082a677656967687401\
                    b1782d636f6361696e652d636c7573746572a474657374";

/// The start of every chunk: the uuid of the node.
const PREFIX: &str = "94010092da002437336361653361332d303931372d346433342d623336332d303337663133353134643533";

async fn node() -> Node {
    let mut config = NodeConfig::default();
    config.extra_param = toml::from_str("weight = 1\nx-cocaine-cluster = 'test'").unwrap();
    // The recorded runtime had only `logging` and `storage`.
    let restricted = [
        "cache",
        "chrono",
        "echo",
        "geobase",
        "logging::v2",
        "metrics",
        "node",
        "unicorn",
        "uniresis",
        "urlfetch",
    ];
    let builder = Node::builder().listen("127.0.0.1:0").uuid(UUID).restrict(restricted);
    builder.config(&config).start().await.unwrap()
}

#[tokio::test]
async fn announcements_equal_recorded_bytes() {
    let node = node().await;
    let mut consumer = FrameClient::connect(node.locator_addr()).await;
    consumer
        .send_bytes(&hex::decode(
            "93010191da002431313131313131312d323232322d333333332d343434342d353535353535353535353535",
        ))
        .await;
    let all = consumer.recv_bytes().await;
    assert!(all.starts_with(&hex::decode(&format!("{PREFIX}82a76c6f6767696e6793"))), "{all:02x?}");
    assert!(all.ends_with(&hex::decode(SUFFIX)), "{all:02x?}");
    assert_eq!(all.len(), 654, "the recorded length: names, methods and ports have equal lengths");

    let mut publisher = FrameClient::connect(node.locator_addr()).await;
    publisher
        .send_bytes(&hex::decode(
            "93010493a36578749292a93132372e302e302e31cd11d792a33a3a31cd11d89201810093a470696e6780820092a576616c7565\
             800192a56572726f7280",
        ))
        .await;
    let added = "81a3657874939292a93132372e302e302e31cd11d792a33a3a31cd11d801810093a470696e6780820092a576616c7565\
                800192a56572726f7280";
    assert_eq!(consumer.recv_bytes().await, hex::decode(&format!("{PREFIX}{added}{SUFFIX}")));
    publisher.send_bytes(&hex::decode("93010090")).await;
    let removed = "81a36578749390008";
    assert_eq!(consumer.recv_bytes().await, hex::decode(&format!("{PREFIX}{removed}0{SUFFIX}")));

    // A second stream of the same uuid starts with all services and ends the first one.
    consumer
        .send_bytes(&hex::decode(
            "93020191da002431313131313131312d323232322d333333332d343434342d353535353535353535353535",
        ))
        .await;
    let mut again = consumer.recv_bytes().await;
    again[1] = 1;
    assert!(again == all);
    publisher.send_bytes(&hex::decode("93020492a365787490")).await;
    publisher.recv_bytes().await;
    let (channel, kind, _) = consumer.recv().await;
    assert_eq!((channel, kind), (2, 0));
    consumer.expect_silence().await;
    node.shutdown().await;
    consumer.expect_end().await;
}
