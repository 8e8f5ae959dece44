//! `cocaine runlist` and `cocaine group`.

use cocaine::{Bytes, Value, msgpack};
use cocaine_bindings::{Locator as _, LocatorClient, Storage as _};
use cocaine_test::Cloud;
use std::collections::BTreeMap;

use crate::command::{ended, run, storage};

async fn map(cloud: &Cloud, collection: &str, key: &str) -> BTreeMap<String, Value> {
    msgpack::from_slice(&storage(cloud).await.read(collection, key).await.unwrap()).unwrap()
}

#[tokio::test]
async fn runlist_is_created_changed_and_deleted() {
    let cloud = Cloud::start().await.unwrap();
    let runlist = |args: &[&str]| run(&cloud, &[&["runlist"], args].concat());
    let missing = runlist(&["add", "boot", "shop"]);
    let said = "error: there is no runlist `boot`: `cocaine runlist create boot shop=default` creates it\n";
    assert_eq!(ended(&missing, 3), ("", said));
    ended(&run(&cloud, &["profile", "set", "small", "pool-limit=1"]), 0);
    let created = runlist(&["create", "boot", "shop=small"]);
    let said = "the runlist boot is created\nwarning: there is no app shop yet\n";
    assert_eq!(ended(&created, 0), ("", said));
    assert!(ended(&runlist(&["create", "boot"]), 1).1.contains("there is a runlist `boot` already"));
    let said = "the runlist boot starts links with the profile none\nwarning: there is no app links yet\n\
                warning: there is no profile none yet\n";
    assert_eq!(ended(&runlist(&["add", "boot", "links", "--profile", "none"]), 0), ("", said));
    let stored = BTreeMap::from([("links".to_owned(), "none".into()), ("shop".to_owned(), "small".into())]);
    assert_eq!(map(&cloud, "runlists", "boot").await, stored);

    let rows = runlist(&["ls", "--output", "jsonl"]);
    let expected = "{\"name\":\"boot\",\"apps\":{\"links\":\"none\",\"shop\":\"small\"}}\n";
    assert_eq!(ended(&rows, 0), (expected, ""));
    assert_eq!(ended(&runlist(&["list", "--output", "plain"]), 0).0, "boot\tlinks=none shop=small\n");
    let shown = runlist(&["show", "boot"]);
    assert_eq!(ended(&shown, 0).0, "APP    PROFILE\nlinks  none\nshop   small\n");
    let shown = runlist(&["show", "boot", "--output", "jsonl"]);
    assert!(ended(&shown, 0).0.starts_with("{\"app\":\"links\",\"profile\":\"none\"}\n"));

    let unknown = runlist(&["rm", "boot", "links", "other"]);
    assert_eq!(ended(&unknown, 3), ("", "error: the runlist `boot` has no app `other`\n"));
    let removed = runlist(&["remove", "boot", "links"]);
    assert_eq!(ended(&removed, 0), ("", "the runlist boot starts links no more\n"));
    assert_eq!(map(&cloud, "runlists", "boot").await.len(), 1);
    let asked = runlist(&["delete", "boot"]);
    assert!(ended(&asked, 2).1.contains("whether to delete the runlist `boot` with 1 apps"));
    assert_eq!(ended(&runlist(&["delete", "boot", "--yes"]), 0), ("", "the runlist boot is deleted\n"));
    for verb in ["show", "delete"] {
        assert_eq!(ended(&runlist(&[verb, "boot"]), 3).1, "error: there is no runlist `boot`\n");
    }
}

/// Returns the version of the service that a group leads to: `storage` has 1, `logging` has 2.
async fn resolved_version(cloud: &Cloud) -> Option<u64> {
    let locator: LocatorClient = cloud.client().service().await.unwrap();
    locator.resolve("shop", None).await.ok().map(|info| info.version)
}

#[tokio::test]
async fn group_takes_effect_when_it_is_refreshed() {
    let cloud = Cloud::start().await.unwrap();
    let group = |args: &[&str]| run(&cloud, &[&["group"], args].concat());
    let hint = "locators do not read it by themselves: `cocaine group refresh shop`\n";
    let created = group(&["create", "shop", "logging=1"]);
    assert_eq!(ended(&created, 0), ("", format!("the group shop is created\n{hint}").as_str()));
    assert_eq!(resolved_version(&cloud).await, None);
    assert_eq!(ended(&group(&["refresh", "shop"]), 0), ("", "the locator has read anew: shop\n"));
    assert_eq!(resolved_version(&cloud).await, Some(2));

    let added = group(&["add", "shop", "storage", "--weight", "3"]);
    let said = format!("the group shop has storage with the weight 3\n{hint}");
    assert_eq!(ended(&added, 0), ("", said.as_str()));
    let rows = group(&["ls", "--output", "jsonl"]);
    assert_eq!(ended(&rows, 0), ("{\"name\":\"shop\",\"members\":{\"logging\":1,\"storage\":3}}\n", ""));
    let shown = group(&["show", "shop", "--output", "jsonl"]);
    let expected = "{\"member\":\"logging\",\"weight\":1,\"share\":0.25}\n{\"member\":\"storage\",\"weight\":3,\"share\":0.75}\n";
    assert_eq!(ended(&shown, 0), (expected, ""));
    assert_eq!(
        ended(&group(&["show", "shop", "--output", "plain"]), 0).0,
        "logging\t1\t25.0 %\nstorage\t3\t75.0 %\n"
    );
    let removed = group(&["remove", "shop", "logging", "--refresh"]);
    let said = "the group shop has logging no more\nthe locator has read anew: shop\n";
    assert_eq!(ended(&removed, 0), ("", said));
    assert_eq!(resolved_version(&cloud).await, Some(1));

    let last = group(&["rm", "shop", "storage"]);
    assert!(ended(&last, 1).1.contains("would have no member with a weight above 0"), "{last:?}");
    ended(&group(&["delete", "shop", "--yes"]), 0);
    assert_eq!(resolved_version(&cloud).await, Some(1));
    // The storage does not have it any more, but the locator does.
    assert_eq!(ended(&group(&["refresh"]), 0), ("", "the locator has read anew: shop\n"));
    assert_eq!(resolved_version(&cloud).await, None);
    assert_eq!(ended(&group(&["refresh"]), 0), ("", "there is no group\n"));
}

#[tokio::test]
async fn wrong_groups_are_refused_or_warned_of() {
    let cloud = Cloud::start().await.unwrap();
    let storage = storage(&cloud).await;
    let group = |args: &[&str]| run(&cloud, &[&["group"], args].concat());
    let text = Bytes::from(msgpack::to_vec(&BTreeMap::from([("a\u{1b}", "x")])).unwrap());
    storage.write("groups", "text", &text, Some(&["group", "active"])).await.unwrap();
    storage
        .write("groups", "broken\n", &Bytes::from_static(b"\xc1"), Some(&["group", "active"]))
        .await
        .unwrap();
    let listed = group(&["list", "--output", "plain"]);
    let (rows, said) = ended(&listed, 0);
    assert_eq!(rows, "text\ta\\u{1b}=\"x\"\n");
    assert!(said.starts_with("warning: the group `broken"), "{said}");
    let added = group(&["add", "text", "b"]);
    assert!(ended(&added, 1).1.contains("is \"x\", and no locator takes it"), "{added:?}");
    for args in [
        ["create", "g", "a=x"],
        ["create", "g", "a=-1"],
        ["create", "g", "a"],
        ["create", "g", "a=4294967296"],
    ] {
        ended(&group(&args), 2);
    }
    assert!(ended(&group(&["create", "g", "a=0"]), 1).1.contains("no member with a weight above 0"));
    assert!(ended(&group(&["create", "active", "a=1"]), 2).1.contains("no group can be called `active`"));
    let refused = group(&["refresh", "text"]);
    assert!(ended(&refused, 1).1.starts_with("error: the locator does not take text: "), "{refused:?}");
}
