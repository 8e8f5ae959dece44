//! Locks and their nodes.

use super::*;

#[tokio::test]
async fn abandoned_lock_request_blocks_nobody() {
    let disk = FaultyDisk::default();
    let tree = tree_on(disk.store());
    tree.create("/lock", &1.into()).await.unwrap();
    let mut list = tree.children("/lock", "peer");
    assert_eq!(names(&mut list).await, Some((0, vec![])));
    disk.block_syncs();
    let mut first = pin!(tree.create("/first", &ONE));
    poll_pending(first.as_mut()).await;
    disk.wait_until_blocked().await;
    {
        let mut abandoned = Box::pin(tree.lock("/lock", &ONE));
        poll_pending(abandoned.as_mut()).await;
    }
    let mut waiting = pin!(tree.lock("/lock", &ONE));
    poll_pending(waiting.as_mut()).await;
    disk.unblock_syncs();
    first.await.unwrap();
    let held = waiting.await.unwrap();
    let mut seen = Vec::new();
    while let Some(list) = names(&mut list).await {
        seen.push(list.0);
    }
    assert_eq!(seen, [1, 2, 3]);
    let (_, names) = names(&mut tree.children("/lock", "peer")).await.unwrap();
    assert_eq!(names, ["lock0000000001"]);
    drop(held);
}

#[tokio::test]
async fn lock_nodes_behave_like_other_nodes() {
    let tree = tree_on(Store::in_memory().unwrap());
    let mut missing = tree.values("/l/lock0000000000", "peer");
    assert_eq!(version(&mut missing).await, Some(-1));
    let mut held = tree.lock("/l", &"me".into()).await.unwrap();
    let node = "/l/lock0000000000";
    assert_eq!(version(&mut missing).await, Some(0));
    assert_eq!(tree.get(node).await.unwrap(), Versioned { value: "me".into(), version: 0 });
    assert_eq!(code(tree.get("/l").await), 1);
    assert_eq!(code(tree.remove("/l", -1).await), 11);
    assert_eq!(code(tree.create(node, &1.into()).await), 9);
    assert_eq!(code(tree.create(&format!("{node}/a"), &1.into()).await), 11);
    assert_eq!(code(tree.increment(node, &1.into()).await), 2);
    assert!(!tree.put(node, &1.into(), 7).await.unwrap().0);
    assert!(tree.put(node, &1.into(), 0).await.unwrap().0);
    assert_eq!(tree.increment(node, &1.into()).await.unwrap(), Versioned { value: 2.into(), version: 2 });
    assert_eq!((version(&mut missing).await, version(&mut missing).await), (Some(1), Some(2)));
    assert_eq!(code(tree.remove(node, 1).await), 7);

    let mut next = pin!(tree.lock("/l", &ONE));
    poll_pending(unconstrained(next.as_mut())).await;
    tree.remove(node, 2).await.unwrap();
    let lost = held.lost().await;
    assert_eq!(
        (lost.code(), ready(&mut missing).await.unwrap().unwrap_err().code()),
        (Some(Code::NO_NODE), Some(Code::NO_NODE))
    );
    let next = next.await.unwrap();
    drop(held);
    assert_eq!(tree.get(node).await.unwrap().version, -1);
    drop(next);
    tree.remove("/l", -1).await.unwrap();
}
