use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A tree in memory.
#[derive(Clone, Debug, Default, PartialEq)]
struct TestTree {
    nodes: BTreeMap<Path, NodeRecord>,
    locks: BTreeSet<Path>,
}

impl NodeStore for TestTree {
    fn get(&self, path: &Path) -> Result<Option<NodeRecord>, StoreError> {
        Ok(self.nodes.get(path).cloned())
    }

    fn set(&mut self, path: &Path, record: &NodeRecord) -> Result<(), StoreError> {
        self.nodes.insert(path.clone(), record.clone());
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> Result<(), StoreError> {
        self.nodes.remove(path);
        Ok(())
    }

    fn has_children(&self, path: &Path) -> Result<bool, StoreError> {
        Ok(self.nodes.keys().any(|node| node.parent().as_ref() == Some(path)))
    }

    fn is_lock(&self, path: &Path) -> bool {
        self.locks.contains(path)
    }

    fn locks(&self, path: &Path) -> usize {
        self.locks.iter().filter(|lock| lock.parent().as_ref() == Some(path)).count()
    }
}

fn path(text: &str) -> Path {
    Path::new(text).unwrap()
}

fn value(value: impl Into<Value>) -> Bytes {
    encode(&value.into()).unwrap()
}

fn create_node(nodes: &mut TestTree, at: &str, content: impl Into<Value>) -> Vec<TreeChange> {
    create(nodes, &path(at), value(content)).unwrap()
}

/// Returns the value, its version and the version of the children.
fn at(nodes: &TestTree, node: &str) -> Option<(Value, i64, i64)> {
    nodes.nodes.get(node).map(|record| (decode(&record.value).unwrap(), record.version, record.changes))
}

fn value_change(at: &str, content: impl Into<Value>, version: i64, parent: bool) -> TreeChange {
    TreeChange::Value { path: path(at), value: value(content), version, parent }
}

/// Returns the error of an operation, which must leave the tree unchanged.
fn change_error<T>(
    nodes: &mut TestTree,
    change: impl FnOnce(&mut TestTree) -> Result<T, ChangeError>,
) -> UnicornError {
    let before = nodes.clone();
    let Err(error) = change(nodes) else { panic!("the change succeeds") };
    assert_eq!(*nodes, before, "{error:?}");
    error.into()
}

#[test]
fn missing_parents_are_created_and_count_children() {
    let mut nodes = TestTree::default();
    let changes = create_node(&mut nodes, "/a/b/c", 1);
    let expected = [
        value_change("/a", (), 0, true),
        TreeChange::ChildAdded(path("/a")),
        value_change("/a/b", (), 0, true),
        TreeChange::ChildAdded(path("/a/b")),
        value_change("/a/b/c", 1, 0, false),
        TreeChange::ChildAdded(path("/a/b/c")),
    ];
    assert_eq!(changes, expected);
    let changes = create_node(&mut nodes, "/a/b/d", ());
    assert_eq!(changes, [value_change("/a/b/d", (), 0, false), TreeChange::ChildAdded(path("/a/b/d"))]);
    assert_eq!(at(&nodes, "/a"), Some((Value::Nil, 0, 1)));
    assert_eq!(at(&nodes, "/a/b"), Some((Value::Nil, 0, 2)));
    assert_eq!(at(&nodes, "/a/b/c"), Some((1.into(), 0, 0)));
    for existing in ["/a", "/a/b/c"] {
        assert_eq!(
            change_error(&mut nodes, |nodes| create(nodes, &path(existing), value(1))),
            UnicornError::NodeExists
        );
    }
}

#[test]
fn put_requires_the_current_version() {
    let mut nodes = TestTree::default();
    create_node(&mut nodes, "/a", "first");
    let (replaced, record, changes) = put(&mut nodes, &path("/a"), value("second"), 0).unwrap();
    assert!(replaced);
    assert_eq!((record.version, record.value), (1, value("second")));
    assert_eq!(changes, [value_change("/a", "second", 1, false)]);
    for other in [0, 2, i64::MAX] {
        let (replaced, record, changes) = put(&mut nodes, &path("/a"), value("third"), other).unwrap();
        assert!(!replaced);
        assert_eq!((record.version, record.value, changes.len()), (1, value("second"), 0));
    }
    assert_eq!(
        change_error(&mut nodes, |nodes| put(nodes, &path("/b"), value(1), 0)),
        UnicornError::PutMissing
    );
    create_node(&mut nodes, "/a/b", 1);
    let (_, record, changes) = put(&mut nodes, &path("/a"), value("with a child"), 1).unwrap();
    assert_eq!((record.version, record.changes), (2, 1));
    assert_eq!(changes, [value_change("/a", "with a child", 2, true)]);
}

#[test]
fn increment_adds_like_the_original() {
    let cases = [
        (5.into(), 2.into(), 7.into()),
        (7.into(), Value::Float(0.5), Value::Float(7.5)),
        (Value::Float(1.5), (-1).into(), Value::Float(0.5)),
        ((-3).into(), 1.into(), (-2).into()),
        (i64::MAX.into(), 1.into(), i64::MIN.into()),
        (i64::MIN.into(), (-1).into(), i64::MAX.into()),
        (u64::MAX.into(), 1.into(), 0.into()),
    ];
    for (stored, by, sum) in cases {
        let mut nodes = TestTree::default();
        let (record, changes) = increment(&mut nodes, &path("/n/m"), &stored).unwrap();
        assert_eq!((record.version, decode(&record.value).unwrap()), (0, stored));
        assert_eq!(changes.len(), 4, "the parent is created");
        let (record, changes) = increment(&mut nodes, &path("/n/m"), &by).unwrap();
        assert_eq!((record.version, decode(&record.value).unwrap()), (1, sum.clone()));
        assert_eq!(changes, [value_change("/n/m", sum, 1, false)]);
    }
}

#[test]
fn increment_refuses_what_is_no_number() {
    let mut nodes = TestTree::default();
    create_node(&mut nodes, "/text", "5");
    create_node(&mut nodes, "/parent/child", 1);
    let by = 1.into();
    assert_eq!(
        change_error(&mut nodes, |nodes| increment(nodes, &path("/text"), &by)),
        UnicornError::StoredNotNumeric
    );
    assert_eq!(
        change_error(&mut nodes, |nodes| increment(nodes, &path("/parent"), &by)),
        UnicornError::IncrementParent
    );
    for value in [Value::Nil, true.into(), "1".into(), Value::Array(Vec::new())] {
        assert_eq!(number(&value), Err(UnicornError::IncrementNotNumeric));
    }
}

#[test]
fn remove_requires_version_and_no_children() {
    let mut nodes = TestTree::default();
    create_node(&mut nodes, "/a/b", 1);
    let refused = |nodes: &mut TestTree, at: &str, version| {
        change_error(nodes, |nodes| remove(nodes, &path(at), version))
    };
    assert_eq!(refused(&mut nodes, "/b", 5), UnicornError::RemoveMissing);
    assert_eq!(refused(&mut nodes, "/a", 5), UnicornError::BadVersion, "checked before the children are");
    assert_eq!(refused(&mut nodes, "/a", 0), UnicornError::NotEmpty);
    for other in [1, -2, i64::MIN] {
        assert_eq!(refused(&mut nodes, "/a/b", other), UnicornError::BadVersion);
    }
    let changes = remove(&mut nodes, &path("/a/b"), 0).unwrap();
    assert_eq!(changes, [TreeChange::Removed(path("/a/b")), TreeChange::ChildRemoved(path("/a/b"))]);
    assert_eq!(at(&nodes, "/a"), Some((Value::Nil, 0, 2)), "a child was added and removed");
    remove(&mut nodes, &path("/a"), -1).unwrap();
    assert_eq!(nodes, TestTree::default());
    create_node(&mut nodes, "/a", 1);
    assert_eq!(at(&nodes, "/a"), Some((1.into(), 0, 0)), "a new node starts at zero");
}

/// Adds a lock node, and returns its name and the version of the children.
fn lock(nodes: &mut TestTree, folder: &str) -> (String, i64) {
    let (node, _) = reserve_lock_path(nodes, &path(folder)).unwrap();
    nodes.locks.insert(node.clone());
    (node.split().1.to_owned(), children_version(nodes, folder))
}

fn children_version(nodes: &TestTree, folder: &str) -> i64 {
    visible_changes(at(nodes, folder).unwrap().2, nodes.locks(&path(folder)))
}

#[test]
fn lock_node_counts_two_child_changes() {
    let mut nodes = TestTree::default();
    let (node, changes) = reserve_lock_path(&mut nodes, &path("/locks/one")).unwrap();
    assert_eq!(node, path("/locks/one/lock0000000000"));
    assert_eq!(changes.len(), 4, "the folder and its parent are created: {changes:?}");
    nodes.locks.insert(node);
    assert_eq!(children_version(&nodes, "/locks/one"), 1);
    assert_eq!(lock(&mut nodes, "/locks/one"), ("lock0000000001".to_owned(), 2));
    nodes.locks.pop_first();
    assert_eq!(children_version(&nodes, "/locks/one"), 3, "removing a lock node counts without a write");
    assert_eq!(lock(&mut nodes, "/locks/one"), ("lock0000000003".to_owned(), 4));
    nodes.locks.clear();
    assert_eq!(children_version(&nodes, "/locks/one"), 6, "like after a restart");
    create_node(&mut nodes, "/locks/one/lock0000000007", ());
    assert_eq!(
        change_error(&mut nodes, |nodes| reserve_lock_path(nodes, &path("/locks/one"))),
        UnicornError::NodeExists
    );
}

#[test]
fn lock_nodes_block_conflicting_operations() {
    let mut nodes = TestTree::default();
    let (name, _) = lock(&mut nodes, "/folder");
    let node = format!("/folder/{name}");
    assert_eq!(change_error(&mut nodes, |nodes| remove(nodes, &path("/folder"), -1)), UnicornError::NotEmpty);
    assert_eq!(
        change_error(&mut nodes, |nodes| increment(nodes, &path("/folder"), &1.into())),
        UnicornError::IncrementParent
    );
    assert_eq!(
        change_error(&mut nodes, |nodes| create(nodes, &path(&node), value(1))),
        UnicornError::NodeExists
    );
    assert_eq!(
        change_error(&mut nodes, |nodes| increment(nodes, &path(&node), &1.into())),
        UnicornError::NodeExists
    );
    let below = path(&(node.clone() + "/a/b"));
    assert_eq!(change_error(&mut nodes, |nodes| create(nodes, &below, value(1))), UnicornError::ParentIsLock);
    assert_eq!(
        change_error(&mut nodes, |nodes| reserve_lock_path(nodes, &path(&node))),
        UnicornError::ParentIsLock
    );
    assert_eq!(
        change_error(&mut nodes, |nodes| reserve_lock_path(nodes, &below)),
        UnicornError::ParentIsLock
    );
}

#[test]
fn value_that_cannot_be_sent_is_refused() {
    let nested = |depth| (0..depth).fold(Value::Nil, |inner, _| Value::Array(vec![inner]));
    assert!(encode(&nested(29)).is_ok());
    assert!(matches!(encode(&nested(31)), Err(UnicornError::ValueNotEncodable(_))));
    let large = Value::Raw(vec![0; limits::MAX_VALUE_BYTES].into());
    assert_eq!(encode(&large), Err(UnicornError::ValueTooLarge(limits::MAX_VALUE_BYTES + 5)));
    let whole = Value::Map(vec![("k".into(), Value::Array(vec![1.into(), Value::Float(2.5), Value::Nil]))]);
    assert_eq!(decode(&encode(&whole).unwrap()).unwrap(), whole);
}
