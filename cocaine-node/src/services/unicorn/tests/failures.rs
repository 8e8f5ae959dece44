//! Changes and subscriptions while the storage fails.

use super::*;

#[tokio::test]
async fn full_disk_refuses_growth_and_keeps_data() {
    let disk = FaultyDisk::default();
    let tree = tree_on(disk.store());
    let large = Value::Raw(vec![7; 1 << 19].into());
    tree.create("/a/b", &1.into()).await.unwrap();
    let (mut value, mut list) = (tree.values("/a/b", "peer"), tree.children("/a", "peer"));
    assert_eq!((version(&mut value).await, names(&mut list).await), (Some(0), Some((1, vec!["b".into()]))));
    disk.set_fixed(true);
    let mut created = 0;
    let full = loop {
        match tree.create(&format!("/a/c{created}"), &large).await {
            Ok(_) => created += 1,
            Err(error) => break error,
        }
        assert!(created < 100, "the disk does not fill up");
    };
    assert!(matches!(full, UnicornError::Storage(StoreError::Full(_))), "{full:?}");
    assert_eq!(full.into_service_error().code(), Some(Code::new(Category::UNICORN, 11)));
    assert_eq!(tree.get("/a/b").await.unwrap().version, 0);
    for before in 0..created {
        assert_eq!(names(&mut list).await.unwrap().0, 2 + before, "each created node is reported");
        assert_eq!(tree.get(&format!("/a/c{before}")).await.unwrap().value, large);
    }
    assert_eq!((version(&mut value).await, names(&mut list).await), (None, None));
    disk.set_fixed(false);
    assert!(tree.put("/a/b", &large, 0).await.unwrap().0);
    tree.create("/a/d", &large).await.unwrap();
    assert_eq!(version(&mut value).await, Some(1));
    assert_eq!(names(&mut list).await.unwrap().0, 2 + created);
}

#[tokio::test]
async fn writes_resume_when_full_disk_has_room() {
    let disk = FaultyDisk::default();
    let tree = tree_on(disk.store());
    tree.create("/a", &1.into()).await.unwrap();
    let mut other = tree.values("/other", "peer");
    assert_eq!(version(&mut other).await, Some(-1));
    disk.set_full(true);
    for _ in 0..2 {
        assert_eq!(code(tree.put("/a", &2.into(), 0).await), 11);
        assert_eq!(code(tree.create("/b/c", &2.into()).await), 11);
        assert_eq!(code(tree.remove("/a", -1).await), 11);
        assert_eq!(code(tree.lock("/l", &2.into()).await), 11);
    }
    disk.set_full(false);
    let held = tree.lock("/l", &2.into()).await.unwrap();
    let lock = names(&mut tree.children("/l", "peer")).await;
    assert_eq!(lock, Some((1, vec!["lock0000000000".into()])), "a refused change leaves nothing behind");
    assert!(tree.put("/a", &2.into(), 0).await.unwrap().0);
    tree.create("/other", &3.into()).await.unwrap();
    assert_eq!(version(&mut other).await, Some(0), "other subscriptions continue");
    drop(held);
}

#[tokio::test]
async fn lock_is_released_on_full_disk() {
    let disk = FaultyDisk::default();
    let tree = tree_on(disk.store());
    let held = tree.lock("/lock", &1.into()).await.unwrap();
    let mut waiting = pin!(tree.lock("/lock", &ONE));
    poll_pending(unconstrained(waiting.as_mut())).await;
    // Queued behind the waiter.
    tree.create("/after", &1.into()).await.unwrap();
    disk.set_full(true);
    drop(held);
    drop(waiting.await.unwrap());
}

#[tokio::test]
async fn durable_change_of_failed_commit_is_published() {
    let disk = FaultyDisk::default();
    let tree = tree_on(disk.store());
    tree.create("/a", &ONE).await.unwrap();
    tree.create("/l", &ONE).await.unwrap();
    let (mut value, mut list) = (tree.values("/a", "peer"), tree.children("/l", "peer"));
    assert_eq!((version(&mut value).await, names(&mut list).await), (Some(0), Some((0, vec![]))));
    disk.fail_syncs(1);
    let failed = tree.put("/a", &ONE, 0).await;
    assert!(matches!(failed, Err(UnicornError::Storage(StoreError::Io { .. }))), "{failed:?}");
    assert_eq!(tree.get("/a").await.unwrap().version, 1, "the change is durable despite the error");
    assert_eq!(version(&mut value).await, Some(1));
    disk.fail_syncs(1);
    assert_eq!(code(tree.lock("/l", &ONE).await), 11);
    let lock = vec!["lock0000000000".to_owned()];
    assert_eq!(names(&mut list).await, Some((1, lock)));
    assert_eq!(names(&mut list).await, Some((2, vec![])), "the lock was not granted");
    assert!(tree.put("/a", &ONE, 1).await.unwrap().0);
    assert_eq!(version(&mut value).await, Some(2));
}

#[tokio::test]
async fn unknown_outcome_is_published_to_value_subscribers() {
    let disk = FaultyDisk::default();
    let tree = tree_on(disk.store());
    tree.create("/a", &ONE).await.unwrap();
    let mut value = tree.values("/a", "peer");
    assert_eq!(version(&mut value).await, Some(0));
    disk.fail_syncs(usize::MAX);
    assert_eq!(code(tree.put("/a", &ONE, 0).await), 11);
    assert_eq!(code(tree.get("/a").await), 11, "reads fail too");
    let lost = ready(&mut value).await.unwrap().unwrap_err();
    assert_eq!(lost.code(), Some(Code::CONNECTION_LOSS), "{lost}");
    disk.fail_syncs(0);
    let found = tree.put("/a", &ONE, i64::MAX).await.unwrap().1.version;
    let mut value = tree.values("/a", "peer");
    assert_eq!(version(&mut value).await, Some(found));
    assert!(tree.put("/a", &ONE, found).await.unwrap().0);
    assert_eq!(version(&mut value).await, Some(found + 1));
}

#[tokio::test]
async fn power_loss_keeps_values_and_drops_locks() {
    let disk = FaultyDisk::default();
    let tree = tree_on(disk.store());
    let held = tree.lock("/folder", &1.into()).await.unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    for number in 0..20 {
        tree.create(&format!("/folder/{number}"), &number.into()).await.unwrap();
        tree.increment("/counter", &1.into()).await.unwrap();
        let after = tree_on(disk.after_power_loss(&mut random).store());
        assert_eq!(after.get("/counter").await.unwrap(), tree.get("/counter").await.unwrap());
        let (version, names) = names(&mut after.children("/folder", "peer")).await.unwrap();
        let (before, _) = self::names(&mut tree.children("/folder", "peer")).await.unwrap();
        assert_eq!(version, before + 1, "the lock node is gone");
        assert_eq!(names.len(), usize::try_from(number).unwrap() + 1);
        assert!(names.iter().all(|name| !name.starts_with("lock")));
    }
    drop(held);
}

#[tokio::test]
async fn unknown_outcome_is_published_to_children_subscribers() {
    let disk = FaultyDisk::default();
    let tree = tree_on(disk.store());
    tree.create("/l", &ONE).await.unwrap();
    let mut list = tree.children("/l", "peer");
    assert_eq!(names(&mut list).await, Some((0, vec![])));
    disk.set_full(true);
    assert_eq!(code(tree.lock("/l", &ONE).await), 11);
    assert_eq!(ready(&mut list).await.unwrap().unwrap_err().code(), Some(Code::CONNECTION_LOSS));
    disk.set_full(false);
    let held = tree.lock("/l", &ONE).await.unwrap();
    let seen = names(&mut tree.children("/l", "peer")).await;
    assert_eq!(seen, Some((1, vec!["lock0000000000".into()])), "the lock node was not added");
    drop(held);
}

#[tokio::test]
async fn committed_unpublished_change_is_seen_once() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    let tree = tree_on(store.clone());
    tree.create("/n", &ONE).await.unwrap();
    tree.create("/d/x", &ONE).await.unwrap();
    let (mut early, mut early_list) = (tree.values("/n", "peer"), tree.children("/d", "peer"));
    assert_eq!((version(&mut early).await, names(&mut early_list).await.unwrap().0), (Some(0), 1));
    disk.block_syncs();
    let mut first = pin!(tree.create("/first", &ONE));
    poll_pending(first.as_mut()).await;
    disk.wait_until_blocked().await;
    // All that follows is one transaction, whose changes are published after this callback.
    let (committed, commit) = tokio::sync::oneshot::channel();
    let (unblock, gate) = std::sync::mpsc::channel::<()>();
    let client_store = ClientStore::new(store, Arc::default());
    let blocking = client_store.submit_change(0, BlockingChange { committed, gate });
    let mut all = pin!(unconstrained(async {
        tokio::join!(blocking, tree.put("/n", &ONE, 0), tree.remove("/d/x", 0), tree.lock("/d", &ONE))
    }));
    poll_pending(all.as_mut()).await;
    disk.unblock_syncs();
    first.await.unwrap();
    commit.await.unwrap();
    assert_eq!((version(&mut early).await, names(&mut early_list).await), (None, None));
    let other = client_of(tree.shared.clone());
    let (mut late, mut late_list) = (other.values("/n", "peer"), other.children("/d", "peer"));
    let lock = vec!["lock0000000002".to_owned()];
    assert_eq!(version(&mut late).await, Some(1));
    assert_eq!(names(&mut late_list).await, Some((3, lock.clone())));
    unblock.send(()).unwrap();
    let (_, put, _, held) = all.await;
    assert!(put.unwrap().0);
    assert_eq!(
        (version(&mut late).await, names(&mut late_list).await),
        (None, None),
        "the first view included the change"
    );
    assert_eq!(version(&mut early).await, Some(1));
    assert_eq!(names(&mut early_list).await, Some((2, vec![])));
    assert_eq!(names(&mut early_list).await, Some((3, lock)));
    drop(held.unwrap());
    assert_eq!(names(&mut late_list).await, Some((4, vec![])));
    assert_eq!(names(&mut early_list).await, Some((4, vec![])));
}

#[tokio::test]
async fn rerun_transaction_adds_one_lock_node() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    let tree = tree_on(store.clone());
    disk.block_syncs();
    let mut first = pin!(tree.create("/first", &ONE));
    poll_pending(first.as_mut()).await;
    disk.wait_until_blocked().await;
    let mut all = pin!(async {
        let failing = store.submit::<(), _>(0, |_| Err(StoreError::TooLarge(7)));
        tokio::join!(tree.lock("/lock", &ONE), failing, tree.create("/lock/child", &ONE))
    });
    poll_pending(unconstrained(all.as_mut())).await;
    disk.unblock_syncs();
    first.await.unwrap();
    let (held, failed, child) = all.await;
    let (held, ()) = (held.unwrap(), child.map(drop).unwrap());
    assert_eq!(failed, Err(StoreError::TooLarge(7)));
    let seen = names(&mut tree.children("/lock", "peer")).await;
    assert_eq!(seen, Some((2, vec!["lock0000000000".into(), "child".into()])));
    drop(held);
    let held = tree.lock("/lock", &1.into()).await.unwrap();
    let seen = names(&mut tree.children("/lock", "peer")).await;
    assert_eq!(seen, Some((4, vec!["lock0000000003".into(), "child".into()])));
    drop(held);
}

/// A change that changes nothing, and blocks the writer once it is committed.
struct BlockingChange {
    committed: tokio::sync::oneshot::Sender<()>,
    gate: std::sync::mpsc::Receiver<()>,
}

impl Change for BlockingChange {
    type Value = ();

    fn run(&mut self, _: &WriteTransaction) -> Result<(), StoreError> {
        Ok(())
    }

    fn finish(self, _: &Result<(), StoreError>, _: Option<&mut ()>) {
        self.committed.send(()).unwrap();
        self.gate.recv().unwrap();
    }
}
