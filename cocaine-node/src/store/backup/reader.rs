//! Reads a backup record by record, in the memory of the largest one.

use std::io::Read;

use crc32fast::Hasher;
use redb::TableHandle;

use super::{BackupError, BackupSummary, END, FAILURE, HEADER, MAGIC, ROW, TABLE, VERSION};
use crate::store::{blobs::RowTable, checksum::verify, compaction::Row, format};

/// Reads the records of a backup, and checks each of them.
pub(crate) struct BackupReader<R> {
    input: R,
    /// Of all bytes that were read.
    checksum: Hasher,
    position: u64,
    header: (String, u64),
    rows: u64,
    /// The place of the current table among the tables, which come in their order.
    tables: usize,
    last_key: Option<Vec<u8>>,
}

/// A part of a backup.
pub(crate) enum Record {
    /// The rows of this table follow.
    Table(RowTable),
    Row(Row),
    /// Nothing follows.
    End(BackupSummary),
}

/// What a record is made of.
struct RawRecord {
    kind: u8,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<R: Read> BackupReader<R> {
    /// Reads the start of a backup.
    ///
    /// # Errors
    /// What is no backup, or one of a newer version of the program.
    pub(crate) fn new(input: R) -> Result<Self, BackupError> {
        let mut reader = Self {
            input,
            checksum: Hasher::new(),
            position: 0,
            header: (String::new(), 0),
            rows: 0,
            tables: 0,
            last_key: None,
        };
        let mut magic = Vec::new();
        reader.read_up_to(MAGIC.len(), &mut magic)?;
        if magic != MAGIC {
            return Err(BackupError::Foreign);
        }
        let version = reader.read_u32()?;
        if version != VERSION {
            return Err(BackupError::Newer { found: version.into(), known: VERSION.into() });
        }
        reader.read_header()?;
        Ok(reader)
    }

    fn read_header(&mut self) -> Result<(), BackupError> {
        let RawRecord { kind, key, value } = self.read_raw()?;
        let numbers = value.split_first_chunk::<8>().and_then(|(format, time)| {
            Some((u64::from_le_bytes(*format), u64::from_le_bytes(time.try_into().ok()?)))
        });
        let (HEADER, Some((format, created))) = (kind, numbers) else {
            return Err(self.damaged("it has no header"));
        };
        if format != format::FORMAT {
            return Err(BackupError::Newer { found: format, known: format::FORMAT });
        }
        self.header = (String::from_utf8_lossy(&key).into_owned(), created);
        Ok(())
    }

    /// Returns the next record.
    pub(crate) fn next_record(&mut self) -> Result<Record, BackupError> {
        let RawRecord { kind, key, value } = self.read_raw()?;
        match kind {
            TABLE => {
                let Some(table) =
                    format::TABLES.get(self.tables).filter(|table| table.name().as_bytes() == key)
                else {
                    return Err(self.damaged("it has a table that is not known"));
                };
                self.tables += 1;
                self.last_key = None;
                Ok(Record::Table(*table))
            }
            ROW => {
                if self.tables == 0 || self.last_key.as_ref().is_some_and(|last| *last >= key) {
                    return Err(self.damaged("a row is out of order"));
                }
                verify(&key, &value).map_err(|error| self.damaged(&error.to_string()))?;
                self.rows += 1;
                self.last_key = Some(key.clone());
                Ok(Record::Row((key, value)))
            }
            END => self.read_end(&value),
            FAILURE => Err(BackupError::Failed(String::from_utf8_lossy(&value).into_owned())),
            _ => Err(self.damaged("it has a record that is not known")),
        }
    }

    fn read_end(&mut self, rows: &[u8]) -> Result<Record, BackupError> {
        if self.tables < format::TABLES.len() || rows != self.rows.to_le_bytes() {
            return Err(self.damaged("it lacks rows"));
        }
        let mut more = Vec::new();
        if self.read_up_to(1, &mut more)? > 0 {
            return Err(self.damaged("something follows its end"));
        }
        let (program, created) = self.header.clone();
        Ok(Record::End(BackupSummary { bytes: self.position, rows: self.rows, program, created }))
    }

    /// Reads to the end, and returns what the backup contains.
    pub(crate) fn check(mut self) -> Result<BackupSummary, BackupError> {
        loop {
            if let Record::End(summary) = self.next_record()? {
                return Ok(summary);
            }
        }
    }

    fn read_raw(&mut self) -> Result<RawRecord, BackupError> {
        let kind = self.read_exactly(1)?[0];
        let (key, value) = (self.read_u32()?, self.read_u32()?);
        let key = self.read_exactly(key as usize)?;
        let value = self.read_exactly(value as usize)?;
        let expected = self.checksum.clone().finalize();
        if self.read_u32()? != expected {
            return Err(self.damaged("a checksum is wrong"));
        }
        Ok(RawRecord { kind, key, value })
    }

    fn read_u32(&mut self) -> Result<u32, BackupError> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.read_exactly(4)?);
        Ok(u32::from_le_bytes(bytes))
    }

    fn read_exactly(&mut self, length: usize) -> Result<Vec<u8>, BackupError> {
        let mut bytes = Vec::new();
        if self.read_up_to(length, &mut bytes)? < length {
            return Err(BackupError::Incomplete { bytes: self.position });
        }
        Ok(bytes)
    }

    /// Reads as much as there is. No more memory is taken than bytes arrive, whatever the length claims.
    fn read_up_to(&mut self, length: usize, bytes: &mut Vec<u8>) -> Result<usize, BackupError> {
        let read = self.input.by_ref().take(length as u64).read_to_end(bytes).map_err(BackupError::from)?;
        self.checksum.update(bytes);
        self.position += read as u64;
        Ok(read)
    }

    fn damaged(&self, reason: &str) -> BackupError {
        BackupError::Damaged { position: self.position, reason: reason.into() }
    }
}
