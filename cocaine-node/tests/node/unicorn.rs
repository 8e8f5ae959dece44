//! The tree of unicorn: values, subscriptions and locks.

use std::{collections::BTreeSet, path::Path};

use cocaine::{Category, Code, Limits, Receiver, Value};
use cocaine_bindings::{Unicorn, UnicornClient, Versioned};
use cocaine_node::Node;
use futures_util::future::join_all;
use tokio::task::JoinSet;

use crate::{client, frame_client::FrameClient, node, service};

const SUBSCRIBE: u64 = 0;
const LOCK: u64 = 8;
const NAMED_LOCK: u64 = 9;

async fn start_in(folder: &Path) -> Node {
    Node::builder().listen("127.0.0.1:0").data(folder).start().await.unwrap()
}

async fn raw(node: &Node) -> FrameClient {
    FrameClient::connect(client(node).resolve("unicorn", None).await.unwrap().endpoints[0].0).await
}

async fn next(values: &mut Receiver<Versioned>) -> Versioned {
    values.recv().await.expect("the stream has not ended").unwrap()
}

#[tokio::test]
async fn only_locks_are_lost_on_restart() {
    let folder = tempfile::tempdir().unwrap();
    let node = start_in(folder.path()).await;
    let tree: UnicornClient = service(&node).await;
    let value = Value::Map(vec![("k".into(), Value::Array(vec![1.into(), Value::Float(0.5), Value::Nil]))]);
    tree.create("/conf/app", &"first".into()).await.unwrap();
    tree.put("/conf/app", &value, 0).await.unwrap().unwrap();
    tree.increment("/conf/count", &5.into()).await.unwrap();
    tree.remove("/conf/count", 0).await.unwrap();
    let lock = tree.lock("/conf/lock").await.unwrap();
    node.shutdown().await;
    drop(lock);

    let node = start_in(folder.path()).await;
    let tree: UnicornClient = service(&node).await;
    assert_eq!(tree.get("/conf/app").await.unwrap(), Versioned { value, version: 1 });
    let children = tree.children_subscribe("/conf").recv().await.unwrap().unwrap();
    assert_eq!((children.version, children.names), (4, vec!["lock".to_owned(), "app".to_owned()]));
    let lock = tree.children_subscribe("/conf/lock").recv().await.unwrap().unwrap();
    assert_eq!((lock.version, lock.names), (2, vec![]), "the lock node was added and removed");
    drop(tree.lock("/conf/lock").await.unwrap());
    assert!(tree.put("/conf/app", &1.into(), 1).await.unwrap().is_ok());
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_is_lost_among_64_writers() {
    const EACH: i64 = 10;
    let node = node().await;
    let tree: UnicornClient = service(&node).await;
    tree.create("/count", &0.into()).await.unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..64 {
        let tree = service::<UnicornClient>(&node).await;
        writers.spawn(async move {
            let mut current = tree.get("/count").await.unwrap();
            for _ in 0..EACH {
                loop {
                    let next = current.value.as_i64().unwrap() + 1;
                    match tree.put("/count", &next.into(), current.version).await.unwrap() {
                        Ok(put) => {
                            assert_eq!((put.value.as_i64(), put.version), (Some(next), current.version + 1));
                            current = put;
                            break;
                        }
                        Err(newer) => current = newer,
                    }
                }
            }
        });
    }
    writers.join_all().await;
    let all = 64 * EACH;
    assert_eq!(tree.get("/count").await.unwrap(), Versioned { value: all.into(), version: all });
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_subscribers_see_each_change_in_order() {
    const CHANGES: i64 = 10;
    let node = node().await;
    let writer: UnicornClient = service(&node).await;
    let mut subscribers = Vec::new();
    for _ in 0..20 {
        let tree: UnicornClient = service(&node).await;
        subscribers.extend((0..100).map(|_| tree.subscribe("/watched")));
    }
    let first = join_all(subscribers.iter_mut().map(next)).await;
    assert!(first.iter().all(|first| *first == Versioned { value: Value::Nil, version: -1 }));
    writer.create("/watched", &0.into()).await.unwrap();
    for version in 0..CHANGES {
        writer.put("/watched", &(version + 1).into(), version).await.unwrap().unwrap();
    }
    writer.remove("/watched", CHANGES).await.unwrap();
    let all = subscribers.iter_mut().map(|subscriber| async {
        for expected in 0..=CHANGES {
            let value = Versioned { value: expected.into(), version: expected };
            assert_eq!(next(subscriber).await, value);
        }
        let removed = subscriber.recv().await.unwrap().unwrap_err();
        assert_eq!(removed.code(), Some(Code::NO_NODE));
        assert!(subscriber.recv().await.is_none());
    });
    join_all(all).await;
    node.shutdown().await;
}

/// Returns the version in a chunk `[[value, version]]`.
fn version(args: &Value) -> i64 {
    args.as_array().unwrap()[0].as_array().unwrap()[1].as_i64().unwrap()
}

#[tokio::test]
async fn slow_subscriber_is_cut_off_alone() {
    let limits = Limits::default().max_queued_bytes(64 << 10).max_unread_bytes(512 << 10);
    let node = Node::builder().listen("127.0.0.1:0").limits(limits).start().await.unwrap();
    let writer: UnicornClient = service(&node).await;
    let mut fast = service::<UnicornClient>(&node).await.subscribe("/watched");
    assert_eq!(next(&mut fast).await.version, -1);
    let mut slow = raw(&node).await;
    slow.send(1, SUBSCRIBE, ["/watched"]).await;
    slow.send(2, SUBSCRIBE, ["/other"]).await;
    let (first, second) = (slow.recv().await, slow.recv().await);
    assert_eq!((version(&first.2), version(&second.2)), (-1, -1));

    let large = Value::Raw(vec![1; 256 << 10].into());
    writer.create("/watched", &large).await.unwrap();
    assert_eq!(next(&mut fast).await.version, 0);
    // More than the buffers of the sockets can take.
    let changes = 100;
    for version in 0..changes {
        writer.put("/watched", &large, version).await.unwrap().unwrap();
        assert_eq!(next(&mut fast).await.version, version + 1);
    }
    let mut received = 0;
    let error = loop {
        let (channel, kind, args) = slow.recv().await;
        assert_eq!(channel, 1);
        if kind != 0 {
            break args;
        }
        assert_eq!(version(&args), received, "changes arrive in order until the error");
        received += 1;
    };
    assert!(received < changes);
    let code = error.as_array().unwrap()[0].as_array().unwrap();
    assert_eq!((code[0].as_i64(), code[1].as_i64()), (Some(12), Some(105)), "{error}");
    writer.create("/other", &1.into()).await.unwrap();
    let (channel, kind, args) = slow.recv().await;
    assert_eq!((channel, kind, version(&args)), (2, 0, 0), "the other subscription continues");
    node.shutdown().await;
}

#[tokio::test]
async fn lock_passes_to_next_living_waiter() {
    let node = node().await;
    let tree: UnicornClient = service(&node).await;
    let mut nodes = tree.children_subscribe("/lock");
    assert_eq!(nodes.recv().await.unwrap().unwrap_err().code(), Some(Code::NO_NODE));
    let (mut holder, mut second, mut third) = (raw(&node).await, raw(&node).await, raw(&node).await);
    holder.send(1, NAMED_LOCK, ("/lock", "holder")).await;
    assert_eq!(holder.recv().await.2, Value::Array(vec![true.into()]));
    assert_eq!(
        tree.get("/lock").await.unwrap_err().code(),
        Some(Code::new(Category::UNICORN, 1)),
        "a node with lock nodes has children"
    );
    let mut nodes = tree.children_subscribe("/lock");
    let mut count = nodes.recv().await.unwrap().unwrap().names.len();
    assert_eq!(count, 1);
    for waiter in [&mut second, &mut third] {
        waiter.send(1, LOCK, ["/lock"]).await;
        count = nodes.recv().await.unwrap().unwrap().names.len();
    }
    assert_eq!(count, 3);
    second.expect_silence().await;
    third.expect_silence().await;
    drop(second);
    let list = nodes.recv().await.unwrap().unwrap();
    let names: BTreeSet<_> = list.names.iter().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["lock0000000000", "lock0000000002"]));
    let first = tree.get("/lock/lock0000000000").await.unwrap();
    assert_eq!(first, Versioned { value: "holder".into(), version: 0 });
    third.expect_silence().await;
    drop(holder);
    assert_eq!(third.recv().await, (1, 0, Value::Array(vec![true.into()])));
    assert_eq!(tree.get("/lock/lock0000000000").await.unwrap().version, -1, "its lock node is removed");
    assert_eq!(nodes.recv().await.unwrap().unwrap().names, ["lock0000000002"]);

    // Removing the lock node takes the lock away from its holder.
    tree.remove("/lock/lock0000000002", -1).await.unwrap();
    let (channel, kind, error) = third.recv().await;
    assert_eq!((channel, kind), (1, 1), "{error}");
    assert_eq!(nodes.recv().await.unwrap().unwrap().names, [""; 0]);
    node.shutdown().await;
}

#[tokio::test]
async fn lock_has_one_holder_at_a_time() {
    let node = node().await;
    let exclusive = std::sync::Arc::new(tokio::sync::Mutex::new(()));
    let mut tasks = JoinSet::new();
    for _ in 0..32 {
        let (tree, exclusive) = (service::<UnicornClient>(&node).await, exclusive.clone());
        tasks.spawn(async move {
            for _ in 0..4 {
                let lock = tree.lock("/lock").await.unwrap();
                let guard = exclusive.try_lock().expect("the lock has one holder");
                tree.increment("/count", &1.into()).await.unwrap();
                drop(guard);
                drop(lock);
            }
        });
    }
    tasks.join_all().await;
    let tree: UnicornClient = service(&node).await;
    assert_eq!(tree.get("/count").await.unwrap().value, 128.into());
    node.shutdown().await;
}
