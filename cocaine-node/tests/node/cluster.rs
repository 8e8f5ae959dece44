//! What another node reads, by the bytes that the original sent to one.

use cocaine_node::{Node, config::NodeConfig};

use crate::raw::Raw;

const UUID: &str = "73cae3a3-0917-4d34-b363-037f13514d53";

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// The trace ids and the extra parameters, with which every chunk ends.
const TAIL: &str = "9493c2a874726163655f6964a8000000000000000093c2a77370616e5f6964a8000000000000000093c2a9706172656e74\
                    5f6964a8000000000000000093c2b7782d636f6361696e652d6c6f6361746f722d6578747261da002082a677656967687401\
                    b1782d636f6361696e652d636c7573746572a474657374";

/// The uuid of the node, with which every chunk begins.
const HEAD: &str = "94010092da002437336361653361332d303931372d346433342d623336332d303337663133353134643533";

async fn node() -> Node {
    let mut config = NodeConfig::default();
    config.extra_param = toml::from_str("weight = 1\nx-cocaine-cluster = 'test'").unwrap();
    // The recorded runtime had no other services than these two.
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
    let mut consumer = Raw::connect(node.locator_addr()).await;
    consumer
        .send_bytes(&bytes(
            "93010191da002431313131313131312d323232322d333333332d343434342d353535353535353535353535",
        ))
        .await;
    let all = consumer.recv_bytes().await;
    assert!(all.starts_with(&bytes(&format!("{HEAD}82a76c6f6767696e6793"))), "{all:02x?}");
    assert!(all.ends_with(&bytes(TAIL)), "{all:02x?}");
    assert_eq!(all.len(), 654, "as many as were recorded: names, methods and ports of one length");

    let mut publisher = Raw::connect(node.locator_addr()).await;
    publisher
        .send_bytes(&bytes(
            "93010493a36578749292a93132372e302e302e31cd11d792a33a3a31cd11d89201810093a470696e6780820092a576616c7565\
             800192a56572726f7280",
        ))
        .await;
    let came = "81a3657874939292a93132372e302e302e31cd11d792a33a3a31cd11d801810093a470696e6780820092a576616c7565\
                800192a56572726f7280";
    assert_eq!(consumer.recv_bytes().await, bytes(&format!("{HEAD}{came}{TAIL}")));
    publisher.send_bytes(&bytes("93010090")).await;
    let went = "81a36578749390008";
    assert_eq!(consumer.recv_bytes().await, bytes(&format!("{HEAD}{went}0{TAIL}")));

    // Linked again under the same name: all once more there, and nothing more here.
    consumer
        .send_bytes(&bytes(
            "93020191da002431313131313131312d323232322d333333332d343434342d353535353535353535353535",
        ))
        .await;
    let mut again = consumer.recv_bytes().await;
    again[1] = 1;
    assert!(again == all);
    publisher.send_bytes(&bytes("93020492a365787490")).await;
    publisher.recv_bytes().await;
    let (channel, kind, _) = consumer.recv().await;
    assert_eq!((channel, kind), (2, 0));
    consumer.silent().await;
    node.shutdown().await;
    consumer.closed().await;
}
