//! Subscriptions to values and children.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_subscribers_see_each_change_once() {
    const CHANGES: i64 = 500;
    let tree = Arc::new(tree_on(Store::in_memory().unwrap()));
    tree.create("/n", &0.into()).await.unwrap();
    let mut tasks = JoinSet::new();
    for writer in 0..4 {
        let tree = tree.clone();
        tasks.spawn(async move {
            for _ in 0..CHANGES / 4 {
                tree.increment("/n", &1.into()).await.unwrap();
            }
            assert!(writer < 4);
        });
    }
    for number in 0..200 {
        let tree = if number % 2 == 0 { client_of(tree.shared.clone()) } else { TreeClient::clone(&tree) };
        tasks.spawn(async move {
            let mut stream = tree.values("/n", "peer");
            let first = stream.next().await.unwrap().unwrap();
            for expected in first.version + 1..=CHANGES {
                let next = stream.next().await.unwrap().unwrap();
                assert_eq!((next.version, next.value), (expected, expected.into()));
            }
            assert!(ready(&mut stream).await.is_none());
        });
        tokio::task::yield_now().await;
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_children_version_changes_one_name() {
    const ROUNDS: usize = 50;
    let tree = Arc::new(tree_on(Store::in_memory().unwrap()));
    tree.create("/d/last", &0.into()).await.unwrap();
    tree.remove("/d/last", -1).await.unwrap();
    let mut tasks = JoinSet::new();
    for writer in 0..4 {
        let tree = tree.clone();
        tasks.spawn(async move {
            for _ in 0..ROUNDS {
                let child = format!("/d/{writer}");
                tree.create(&child, &1.into()).await.unwrap();
                tree.remove(&child, 0).await.unwrap();
                drop(tree.lock("/d", &writer.into()).await.unwrap());
            }
        });
    }
    for number in 0..100 {
        let tree = if number % 2 == 0 { client_of(tree.shared.clone()) } else { TreeClient::clone(&tree) };
        tasks.spawn(async move {
            let mut stream = tree.children("/d", "peer");
            let mut known = stream.next().await.unwrap().unwrap();
            while known.names != ["last"] {
                let next = stream.next().await.unwrap().unwrap();
                assert_eq!(next.version, known.version + 1);
                let old: BTreeSet<_> = known.names.iter().collect();
                let new: BTreeSet<_> = next.names.iter().collect();
                assert_eq!(old.symmetric_difference(&new).count(), 1, "{known:?} {next:?}");
                known = next;
            }
            assert_eq!(known.version, 2 + 4 * 4 * i64::try_from(ROUNDS).unwrap() + 1);
        });
        tokio::task::yield_now().await;
    }
    // Subscribers wait for the last child, which comes when all writers are done.
    for _ in 0..4 {
        tasks.join_next().await.unwrap().unwrap();
    }
    tree.create("/d/last", &1.into()).await.unwrap();
    tasks.join_all().await;
}

#[tokio::test]
async fn subscription_fails_when_node_gets_children() {
    let tree = tree_on(Store::in_memory().unwrap());
    let mut absent = tree.values("/a", "peer");
    assert_eq!(version(&mut absent).await, Some(-1));
    tree.create("/a/b", &1.into()).await.unwrap();
    assert_eq!(
        ready(&mut absent).await.unwrap().unwrap_err().code(),
        Some(Code::new(Category::UNICORN, 1)),
        "the node was created as a parent"
    );
    assert!(absent.next().await.is_none());
    assert_eq!(
        ready(&mut tree.values("/a", "peer")).await.unwrap().unwrap_err().code(),
        Some(Code::new(Category::UNICORN, 1))
    );
    let mut leaf = tree.values("/a/b", "peer");
    assert_eq!(version(&mut leaf).await, Some(0));
    tree.create("/a/b/c", &1.into()).await.unwrap();
    assert_eq!(version(&mut leaf).await, None, "its value has not changed");
    tree.put("/a/b", &2.into(), 0).await.unwrap();
    assert_eq!(ready(&mut leaf).await.unwrap().unwrap_err().code(), Some(Code::new(Category::UNICORN, 1)));
    let mut list = tree.children("/a/b/c", "peer");
    assert_eq!(names(&mut list).await, Some((0, vec![])));
    tree.remove("/a/b/c", -1).await.unwrap();
    assert_eq!(ready(&mut list).await.unwrap().unwrap_err().code(), Some(Code::NO_NODE));
    assert_eq!(
        ready(&mut tree.children("/a/b/c", "peer")).await.unwrap().unwrap_err().code(),
        Some(Code::NO_NODE)
    );
}

#[tokio::test]
async fn departed_subscribers_leave_nothing_behind() {
    let tree = tree_on(Store::in_memory().unwrap());
    tree.create("/a/b", &1.into()).await.unwrap();
    let streams: Vec<_> =
        (0..10).map(|_| (tree.values("/a/b", "peer"), tree.children("/a", "peer"))).collect();
    let held = join_all(["/l/1", "/l/2", "/l/3"].map(|path| tree.lock(path, &ONE))).await;
    drop((streams, held));
    let debug = format!("{:?}", tree.shared.hub);
    assert!(debug.contains("subscribed: []") && debug.contains("LockNodes({})"), "{debug}");
}

#[tokio::test]
async fn lists_of_one_client_share_its_budget() {
    let limits = Limits::default().max_in_use_bytes(1000);
    let tree =
        client_of(UnicornShared::new(Store::in_memory().unwrap(), limits, MemoryBudget::unlimited()).into());
    for number in 0..8 {
        tree.create(&format!("/d/{number}"), &ONE).await.unwrap();
    }
    let mut first = tree.children("/d", "one");
    assert_eq!(names(&mut first).await.unwrap().0, 8);
    let mut second = tree.children("/d", "one");
    assert_eq!(ready(&mut second).await.unwrap().unwrap_err().code(), Some(Code::posix(105)));
    let mut other = tree.children("/d", "other");
    assert_eq!(names(&mut other).await.unwrap().0, 8);
    drop((first, second));
    assert_eq!(
        names(&mut tree.children("/d", "one")).await.unwrap().0,
        8,
        "an ended stream frees its budget"
    );
}
