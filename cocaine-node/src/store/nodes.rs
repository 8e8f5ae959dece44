//! The nodes of a tree, each with a value, the value's version, and the version of its list of children.
//!
//! | key | value |
//! |---|---|
//! | the parent's path with its length (u32, big-endian) before it, the node's name | version, version of the children (i64, little-endian each), the value |
//! | empty | the number of the last change of the whole tree (u64, little-endian) |
//!
//! The children of a node are adjacent, sorted by name. Every value ends with a checksum.

use cocaine::Bytes;
use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, TableError, WriteTransaction,
};

use super::{
    StoreError,
    blobs::{RawBytes, RowTable, insert, path},
    checksum::verify,
};

pub(super) const NODES: RowTable = TableDefinition::new("tree");
/// The key under which the number of the last change is stored.
const LAST: &[u8] = &[];

/// A stored node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeRecord {
    /// The value as its writer encoded it.
    pub(crate) value: Bytes,
    /// The number of times that the value was replaced.
    pub(crate) version: i64,
    /// The number of times that a child was added or removed.
    pub(crate) changes: i64,
}

impl NodeRecord {
    fn read(row: &[u8]) -> Result<Self, StoreError> {
        let read = row.split_first_chunk().and_then(|(version, rest)| {
            let (changes, value) = rest.split_first_chunk()?;
            let (version, changes) = (i64::from_le_bytes(*version), i64::from_le_bytes(*changes));
            Some(Self { value: Bytes::from(value.to_vec()), version, changes })
        });
        read.ok_or_else(|| StoreError::Corrupt("a node without a version".into()))
    }
}

/// The tree within a transaction. A node is identified by its parent's path, empty for a top-level node, and its name.
pub(crate) struct NodeTable<'t>(Table<'t, RawBytes, RawBytes>);

impl<'t> NodeTable<'t> {
    pub(crate) fn open(txn: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self(txn.open_table(NODES)?))
    }

    pub(crate) fn get(&self, parent: &str, name: &str) -> Result<Option<NodeRecord>, StoreError> {
        get(&self.0, parent, name)
    }

    pub(crate) fn has_children(&self, node: &str) -> Result<bool, StoreError> {
        has_children(&self.0, node)
    }

    pub(crate) fn set(&mut self, parent: &str, name: &str, record: &NodeRecord) -> Result<(), StoreError> {
        let NodeRecord { value, version, changes } = record;
        let row = [&version.to_le_bytes()[..], &changes.to_le_bytes(), value];
        insert(&mut self.0, &path(&[parent], name), &row)
    }

    pub(crate) fn remove(&mut self, parent: &str, name: &str) -> Result<(), StoreError> {
        self.0.remove(path(&[parent], name).as_slice())?;
        Ok(())
    }

    /// Counts a change of the tree and returns its number, from 1.
    pub(crate) fn next_change(&mut self) -> Result<u64, StoreError> {
        let number = last(&self.0)? + 1;
        insert(&mut self.0, LAST, &[&number.to_le_bytes()])?;
        Ok(number)
    }
}

/// The tree in a snapshot.
pub(super) struct NodeTableReader(ReadOnlyTable<RawBytes, RawBytes>);

impl NodeTableReader {
    pub(super) fn open(txn: &ReadTransaction) -> Result<Self, TableError> {
        txn.open_table(NODES).map(Self)
    }

    pub(super) fn get(&self, parent: &str, name: &str) -> Result<Option<NodeRecord>, StoreError> {
        get(&self.0, parent, name)
    }

    pub(super) fn has_children(&self, node: &str) -> Result<bool, StoreError> {
        has_children(&self.0, node)
    }

    pub(super) fn children(&self, node: &str) -> Result<Vec<String>, StoreError> {
        let prefix = path(&[node], "");
        let mut names = Vec::new();
        for entry in ReadableTable::range(&self.0, prefix.as_slice()..)? {
            let (path, row) = entry?;
            let Some(name) = path.value().strip_prefix(prefix.as_slice()) else { break };
            verify(path.value(), row.value())?;
            let name = str::from_utf8(name);
            names.push(name.map_err(|_| StoreError::Corrupt("a name that is not text".into()))?.to_owned());
        }
        Ok(names)
    }

    pub(super) fn last(&self) -> Result<u64, StoreError> {
        last(&self.0)
    }
}

fn get(
    nodes: &impl ReadableTable<RawBytes, RawBytes>,
    parent: &str,
    name: &str,
) -> Result<Option<NodeRecord>, StoreError> {
    let path = path(&[parent], name);
    let row = nodes.get(path.as_slice())?;
    row.map(|row| verify(&path, row.value()).and_then(NodeRecord::read)).transpose()
}

fn has_children(nodes: &impl ReadableTable<RawBytes, RawBytes>, node: &str) -> Result<bool, StoreError> {
    let prefix = path(&[node], "");
    let first = nodes.range(prefix.as_slice()..)?.next().transpose()?;
    Ok(first.is_some_and(|(path, _)| path.value().starts_with(&prefix)))
}

fn last(nodes: &impl ReadableTable<RawBytes, RawBytes>) -> Result<u64, StoreError> {
    let Some(row) = nodes.get(LAST)? else { return Ok(0) };
    let number = verify(LAST, row.value())?.try_into().map(u64::from_le_bytes);
    number.map_err(|_| StoreError::Corrupt("the number of the last change is none".into()))
}
