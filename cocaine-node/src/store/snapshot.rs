//! The view of a reader: everything that was committed when the snapshot was taken, and nothing after.

use std::sync::Arc;

use bytes::Bytes;
use redb::{ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTableMetadata, TableError};

use super::{
    NodeRecord, StoreError,
    blobs::{BlobTables, RawBytes, RowTable},
    database::{DatabaseLease, OpenDatabase},
    format,
    nodes::NodeTableReader,
};

/// What a first read of a blob has found.
pub(crate) enum FirstRead {
    Blob(Bytes),
    /// The length of a blob that was not read because it is large, and the snapshot that has it.
    Large(usize, Arc<Snapshot>),
}

/// An open read transaction with its tables.
///
/// The database cannot reclaim the pages that a snapshot uses, so hold one for a call, not for a connection.
pub(crate) struct Snapshot {
    blobs: BlobTables,
    nodes: NodeTableReader,
    txn: ReadTransaction,
    /// Dropped after the transaction.
    _lease: Arc<DatabaseLease>,
}

impl Snapshot {
    pub(super) fn new(database: &OpenDatabase) -> Result<Self, StoreError> {
        let txn = database.begin_read()?;
        let (blobs, nodes) = (BlobTables::open(&txn)?, NodeTableReader::open(&txn)?);
        Ok(Self { blobs, nodes, txn, _lease: database.lease() })
    }

    /// Creates the tables if they are missing, and returns a snapshot of the database.
    pub(super) fn create(database: &OpenDatabase) -> Result<Self, StoreError> {
        let txn = database.begin_read()?;
        match BlobTables::open(&txn).and_then(|_| NodeTableReader::open(&txn)) {
            Err(TableError::TableDoesNotExist(_)) => format::create_tables(database)?,
            other => drop(other?),
        }
        Self::new(database)
    }

    /// Returns a table with all its rows.
    pub(super) fn table(&self, table: RowTable) -> Result<ReadOnlyTable<RawBytes, RawBytes>, StoreError> {
        Ok(self.txn.open_table(table)?)
    }

    /// Returns the size in bytes of all pages that have rows. This reads the whole database.
    pub(super) fn page_bytes(&self) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for table in format::TABLES {
            let stats = self.table(table)?.stats()?;
            bytes += stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes();
        }
        Ok(bytes)
    }

    /// Returns the transaction, for tables that this type has no methods for.
    #[cfg(test)]
    pub(crate) fn transaction(&self) -> &ReadTransaction {
        &self.txn
    }

    /// Returns the length of the blob stored under `key`.
    pub(crate) fn blob_len(&self, collection: &str, key: &str) -> Result<usize, StoreError> {
        self.blobs.len(collection, key)
    }

    /// Returns the blob stored under `key`, if it is small.
    pub(super) fn begin_read(self: &Arc<Self>, collection: &str, key: &str) -> Result<FirstRead, StoreError> {
        Ok(match self.blobs.read_first(collection, key)? {
            Ok(blob) => FirstRead::Blob(blob),
            Err(len) => FirstRead::Large(len, self.clone()),
        })
    }

    /// Returns the blob stored under `key`.
    pub(crate) fn read(&self, collection: &str, key: &str) -> Result<Bytes, StoreError> {
        self.blobs.read(collection, key)
    }

    /// Calls `visit` with the key and the length of each blob of a collection, from the last key to the first, until it
    /// returns false.
    pub(crate) fn visit_from_last(
        &self,
        collection: &str,
        visit: impl FnMut(&str, usize) -> bool,
    ) -> Result<(), StoreError> {
        self.blobs.visit_from_last(collection, visit)
    }

    /// Returns the keys that have all of `tags`, in byte order. Without tags there are none.
    pub(crate) async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>, StoreError> {
        self.blobs.find(collection, tags).await
    }

    /// As [`Snapshot::find`], without giving other tasks a turn.
    pub(crate) fn find_at_once(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>, StoreError> {
        self.blobs.find_at_once(collection, tags)
    }

    /// Returns whether the key has the tag.
    pub(crate) fn has_tag(&self, collection: &str, key: &str, tag: &str) -> Result<bool, StoreError> {
        self.blobs.has_all_tags(collection, key, &[tag])
    }

    /// Returns the node of this name below `parent`.
    pub(crate) fn node(&self, parent: &str, name: &str) -> Result<Option<NodeRecord>, StoreError> {
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
