//! An open database, which outlives its place in the folder for as long as its snapshots are in use.

use std::{
    ops::Deref,
    sync::{Arc, Weak},
};

use redb::Database;
use tokio::sync::mpsc;

use super::request::WriterRequest;

/// An open database.
pub(super) struct OpenDatabase {
    database: Database,
    lease: Arc<DatabaseLease>,
}

/// Held by each snapshot. The writer learns when the last one is gone.
pub(super) struct DatabaseLease(mpsc::WeakUnboundedSender<WriterRequest>);

/// A database that another one has replaced. Its snapshots can be read until it is dropped.
pub(super) struct RetiredDatabase {
    _database: Database,
    lease: Weak<DatabaseLease>,
}

impl OpenDatabase {
    /// Wraps a database whose writer has the other end of `requests`.
    pub(super) fn new(database: Database, requests: &mpsc::WeakUnboundedSender<WriterRequest>) -> Self {
        Self { database, lease: Arc::new(DatabaseLease(requests.clone())) }
    }

    /// Wraps a database that no other one replaces.
    pub(super) fn without_writer(database: Database) -> Self {
        Self::new(database, &mpsc::unbounded_channel().0.downgrade())
    }

    pub(super) fn lease(&self) -> Arc<DatabaseLease> {
        self.lease.clone()
    }

    pub(super) fn retire(self) -> RetiredDatabase {
        RetiredDatabase { _database: self.database, lease: Arc::downgrade(&self.lease) }
    }

    pub(super) fn close(self) -> Result<(), redb::DatabaseError> {
        self.database.close()
    }
}

impl Deref for OpenDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl RetiredDatabase {
    /// Returns whether a snapshot of it is in use.
    pub(super) fn is_in_use(&self) -> bool {
        self.lease.strong_count() > 0
    }
}

impl Drop for DatabaseLease {
    fn drop(&mut self) {
        if let Some(requests) = self.0.upgrade() {
            // Fails if the store is closed, and all databases with it.
            drop(requests.send(WriterRequest::DropRetired));
        }
    }
}
