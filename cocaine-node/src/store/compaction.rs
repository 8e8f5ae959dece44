//! Compaction: all rows are copied into a new database, which takes the place of the old one.
//!
//! It runs on the writer's thread, so that changes wait. Reads go on: a snapshot of the old database can be read until it
//! is dropped. Whenever the process is killed, the folder has a whole database: the old one until the new one, which is on the
//! disk by then, has its name.

use redb::{Database, ReadableTable};

use super::{Snapshot, StoreError, format};

/// The size in bytes at which a transaction ends that copies rows.
const MAX_TRANSACTION_BYTES: usize = 64 << 20;

/// What a compaction has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactionSummary {
    /// The size of the file in bytes before it.
    pub bytes_before: u64,
    /// The size of the file in bytes after it.
    pub bytes_after: u64,
}

/// A row of a table: its key, and its value with the checksum.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// Copies all rows of a snapshot into an empty database, and checks each of them.
pub(super) fn copy_rows(snapshot: &Snapshot, target: &mut Database) -> Result<(), StoreError> {
    for table in format::TABLES {
        let rows = snapshot.table(table)?;
        let rows = ReadableTable::iter(&rows)?.map(|row| -> Result<Row, StoreError> {
            let (key, value) = row?;
            super::checksum::verify(key.value(), value.value())?;
            Ok((key.value().to_vec(), value.value().to_vec()))
        });
        load_table(target, table, rows)?;
    }
    finish_loading(target)
}

/// Writes rows, which are sorted by their keys, into a table of a new database.
pub(super) fn load_table<E: From<StoreError>>(
    target: &Database,
    table: super::blobs::RowTable,
    mut rows: impl Iterator<Item = Result<Row, E>>,
) -> Result<(), E> {
    let mut is_last = false;
    while !is_last {
        let txn = target.begin_write().map_err(StoreError::from)?;
        let mut writer = txn.open_table(table).map_err(StoreError::from)?;
        let mut bytes = 0;
        while bytes < MAX_TRANSACTION_BYTES {
            let Some(row) = rows.next() else {
                is_last = true;
                break;
            };
            let (key, value) = row?;
            bytes += key.len() + value.len();
            writer.insert(key.as_slice(), value.as_slice()).map_err(StoreError::from)?;
        }
        drop(writer);
        txn.commit().map_err(StoreError::from)?;
    }
    Ok(())
}

/// Writes the number of the format, without which a database is refused, and gives unused pages back.
pub(super) fn finish_loading(target: &mut Database) -> Result<(), StoreError> {
    format::create_tables(target)?;
    target.compact().map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(())
}
