//! The format of the database: its tables, its number, and the upgrade from the format before.
//!
//! | format | what it has |
//! |---|---|
//! | 1 | rows without checksums, in tables `blobs`, `chunks`, `by_tag`, `tags_of` and `nodes`; no number |
//! | 2 | a checksum in each row, and the number in the table `meta` |

use redb::{
    Database, ReadableDatabase, ReadableTable, TableDefinition, TableError, TableHandle, WriteTransaction,
};

use super::{
    StoreError,
    blobs::{self, RawBytes, RowTable},
    nodes,
};

/// The format that this program reads and writes.
pub(super) const FORMAT: u64 = 2;
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const FORMAT_KEY: &str = "format";

/// The tables of rows.
pub(super) const TABLES: [RowTable; 5] =
    [blobs::BLOBS, blobs::CHUNKS, blobs::BY_TAG, blobs::TAGS_OF, nodes::NODES];

/// The tables of format 1, each with the one that replaces it.
const FORMER_ROWS: [(RowTable, RowTable); 3] = [
    (TableDefinition::new("blobs"), blobs::BLOBS),
    (TableDefinition::new("chunks"), blobs::CHUNKS),
    (TableDefinition::new("nodes"), nodes::NODES),
];
const FORMER_INDEXES: [(TableDefinition<'_, RawBytes, ()>, RowTable); 2] =
    [(TableDefinition::new("by_tag"), blobs::BY_TAG), (TableDefinition::new("tags_of"), blobs::TAGS_OF)];

/// Creates the tables that are missing.
pub(super) fn create_tables(database: &Database) -> Result<(), StoreError> {
    let txn = database.begin_write()?;
    create_in(&txn)?;
    Ok(txn.commit()?)
}

fn create_in(txn: &WriteTransaction) -> Result<(), StoreError> {
    for table in TABLES {
        txn.open_table(table)?;
    }
    txn.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
    Ok(())
}

/// Checks that an existing database is a node's, and upgrades one of the format before.
///
/// # Errors
/// [`StoreError::Foreign`] for a database of another program or of a newer format.
pub(super) fn check(database: &Database) -> Result<(), StoreError> {
    let txn = database.begin_read()?;
    let format = match txn.open_table(META) {
        Ok(meta) => meta.get(FORMAT_KEY)?.map(|format| format.value()),
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let former = FORMER_ROWS[0].0;
    match format {
        Some(FORMAT) => Ok(()),
        Some(other) => Err(StoreError::Foreign(format!(
            "its format is {other}, and this version of the program reads {FORMAT}: use the version that wrote it"
        ))),
        None if txn.list_tables()?.any(|table| table.name() == former.name()) => upgrade(database),
        None => Err(StoreError::Foreign("it is the database of another program".into())),
    }
}

/// Copies all rows of format 1, with their checksums, in one transaction.
fn upgrade(database: &Database) -> Result<(), StoreError> {
    tracing::info!("the database is of format 1: its rows get checksums");
    let txn = database.begin_write()?;
    create_in(&txn)?;
    for (former, table) in FORMER_ROWS {
        let mut rows = txn.open_table(table)?;
        for row in txn.open_table(former)?.iter()? {
            let (key, value) = row?;
            blobs::insert(&mut rows, key.value(), &[value.value()])?;
        }
        txn.delete_table(former)?;
    }
    for (former, table) in FORMER_INDEXES {
        let mut rows = txn.open_table(table)?;
        for row in txn.open_table(former)?.iter()? {
            blobs::insert(&mut rows, row?.0.value(), &[])?;
        }
        txn.delete_table(former)?;
    }
    Ok(txn.commit()?)
}
