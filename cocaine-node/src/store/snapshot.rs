//! What a reader sees: everything that was committed when the snapshot was made, and nothing after.

use bytes::Bytes;
use redb::{Database, ReadTransaction, ReadableDatabase, TableError};

use super::{
    Record, StoreError,
    blobs::{self, Blobs},
    nodes::{self, NodesRead},
};

/// An open read transaction and the tables that are read most.
///
/// While it is held the database keeps what it shows, so hold it for a call, not for a connection.
pub struct Snapshot {
    blobs: Blobs,
    nodes: NodesRead,
    txn: ReadTransaction,
}

impl Snapshot {
    pub(super) fn take(database: &Database) -> Result<Self, StoreError> {
        let txn = database.begin_read()?;
        Ok(Self { blobs: Blobs::open(&txn)?, nodes: NodesRead::open(&txn)?, txn })
    }

    /// Creates the tables if this database does not have them yet, and returns its first snapshot.
    pub(super) fn first(database: &Database) -> Result<Self, StoreError> {
        let txn = database.begin_read()?;
        match Blobs::open(&txn).and_then(|_| NodesRead::open(&txn)) {
            Err(TableError::TableDoesNotExist(_)) => {
                let txn = database.begin_write()?;
                blobs::create_tables(&txn)?;
                nodes::create_table(&txn)?;
                txn.commit()?;
            }
            other => drop(other?),
        }
        Self::take(database)
    }

    /// Returns the transaction, for tables other than those of the blobs.
    pub fn transaction(&self) -> &ReadTransaction {
        &self.txn
    }

    /// Returns the blob stored under `key`.
    pub fn read(&self, collection: &str, key: &str) -> Result<Bytes, StoreError> {
        self.blobs.read(collection, key)
    }

    /// Returns the keys that carry every one of `tags`, in byte order; none for no tags.
    pub async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>, StoreError> {
        self.blobs.find(collection, tags).await
    }

    /// Returns the node of that name below the one at `parent`.
    pub(crate) fn node(&self, parent: &str, name: &str) -> Result<Option<Record>, StoreError> {
        self.nodes.get(parent, name)
    }

    /// Returns whether the node has children.
    pub(crate) fn has_children(&self, node: &str) -> Result<bool, StoreError> {
        self.nodes.has_children(node)
    }

    /// Returns the names of the node's children, in byte order.
    pub(crate) fn children(&self, node: &str) -> Result<Vec<String>, StoreError> {
        self.nodes.children(node)
    }

    /// Returns the number of the last change of a node.
    pub(crate) fn last_change(&self) -> Result<u64, StoreError> {
        self.nodes.last()
    }
}
