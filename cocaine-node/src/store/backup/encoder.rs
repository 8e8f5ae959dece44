//! Encodes a snapshot piece by piece, each when it is asked for, in the memory of a piece and the largest row.

use std::{
    ops::Bound,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::{BufMut, Bytes, BytesMut};
use crc32fast::Hasher;
use redb::{ReadableTable, TableHandle};

use super::{END, FAILURE, HEADER, MAGIC, ROW, TABLE, VERSION};
use crate::store::{checksum::verify, error::StoreError, format, snapshot::Snapshot};

/// The size of a piece in bytes.
const PIECE: usize = 256 << 10;

/// Encodes all rows of a snapshot, and checks each of them.
pub(crate) struct BackupEncoder {
    snapshot: Arc<Snapshot>,
    buffer: BytesMut,
    /// Of all bytes before the next record.
    checksum: Hasher,
    next: Position,
    rows: u64,
}

/// What is encoded next.
enum Position {
    Header,
    /// The first row of a table, of this place among the tables.
    Table(usize),
    /// The row behind this key.
    Behind(usize, Vec<u8>),
    End,
    Ended,
}

impl BackupEncoder {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, buffer: BytesMut::new(), checksum: Hasher::new(), next: Position::Header, rows: 0 }
    }

    /// Returns the next bytes of the backup, or `None` after the last ones. This reads from the disk.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a row that is not as it was written.
    pub(crate) fn next_piece(&mut self) -> Result<Option<Bytes>, StoreError> {
        while self.buffer.len() < PIECE && !matches!(self.next, Position::Ended) {
            self.encode_more()?;
        }
        let length = self.buffer.len().min(PIECE);
        Ok((length > 0).then(|| self.buffer.split_to(length).freeze()))
    }

    /// Returns the end of a backup that cannot be finished.
    pub(crate) fn fail(mut self, reason: &str) -> Bytes {
        self.put_record(FAILURE, &[], reason.as_bytes());
        self.buffer.freeze()
    }

    fn encode_more(&mut self) -> Result<(), StoreError> {
        match std::mem::replace(&mut self.next, Position::Ended) {
            Position::Header => {
                self.put(MAGIC);
                self.put(&VERSION.to_le_bytes());
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
                let program = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
                let value = [format::FORMAT.to_le_bytes(), now.to_le_bytes()].concat();
                self.put_record(HEADER, program.as_bytes(), &value);
                self.next = Position::Table(0);
            }
            Position::Table(at) => match format::TABLES.get(at) {
                Some(table) => {
                    self.put_record(TABLE, table.name().as_bytes(), &[]);
                    self.encode_rows(at, Bound::Unbounded)?;
                }
                None => self.next = Position::End,
            },
            Position::Behind(at, key) => self.encode_rows(at, Bound::Excluded(&key))?,
            Position::End => {
                let rows = self.rows.to_le_bytes();
                self.put_record(END, &[], &rows);
            }
            Position::Ended => {}
        }
        Ok(())
    }

    /// Encodes rows until the piece is full or the table ends.
    fn encode_rows(&mut self, at: usize, start: Bound<&[u8]>) -> Result<(), StoreError> {
        let table = self.snapshot.table(format::TABLES[at])?;
        for row in ReadableTable::range::<&[u8]>(&table, (start, Bound::Unbounded))? {
            let (key, value) = row?;
            let (key, value) = (key.value(), value.value());
            verify(key, value)?;
            self.rows += 1;
            self.put_record(ROW, key, value);
            if self.buffer.len() >= PIECE {
                self.next = Position::Behind(at, key.to_vec());
                return Ok(());
            }
        }
        self.next = Position::Table(at + 1);
        Ok(())
    }

    fn put_record(&mut self, kind: u8, key: &[u8], value: &[u8]) {
        self.put(&[kind]);
        for part in [key, value] {
            // What is stored comes from a frame, whose size is limited far below 4 GiB.
            self.put(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
        self.put(key);
        self.put(value);
        let checksum = self.checksum.clone().finalize();
        self.put(&checksum.to_le_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        self.checksum.update(bytes);
        self.buffer.put_slice(bytes);
    }
}
