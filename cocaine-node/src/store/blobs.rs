//! Blobs by collection and key, and the index of their tags.
//!
//! A table key is a sequence of texts, each but the last with its length before it, so that no two sequences have the
//! same bytes.
//!
//! | table | key | value |
//! |---|---|---|
//! | `blob_rows` | collection, key | the blob's length (u32, little-endian) and its first bytes |
//! | `blob_chunks` | collection, key, number from 1 (u32, big-endian) | the further bytes |
//! | `keys_by_tag` | collection, tag, key | |
//! | `tags_by_key` | collection, key, tag | |
//!
//! Every value ends with a checksum.
//!
//! Large blobs are split because the size of a page is a power of two: an entry of one megabyte would take two.

use bytes::{Bytes, BytesMut};
use redb::{
    AccessGuard, ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, TableError,
    WriteTransaction,
};

use super::{
    StoreError,
    checksum::{CHECKSUM_LEN, checksum, verify},
};

/// A key or a value of a table.
pub(super) type RawBytes = &'static [u8];

/// The definition of a table of rows.
pub(super) type RowTable = TableDefinition<'static, RawBytes, RawBytes>;

pub(super) const BLOBS: RowTable = TableDefinition::new("blob_rows");
pub(super) const CHUNKS: RowTable = TableDefinition::new("blob_chunks");
pub(super) const BY_TAG: RowTable = TableDefinition::new("keys_by_tag");
pub(super) const TAGS_OF: RowTable = TableDefinition::new("tags_by_key");

/// The bytes of a blob in one row. With a key of up to some 450 bytes they fill a page of 64 KiB.
pub(super) const MAX_ROW_BYTES: usize = (64 << 10) - 512;
const HEADER: usize = size_of::<u32>();

/// The number of index entries that are read before other tasks get a turn.
const ENTRIES_PER_TURN: usize = 512;

/// Stores `blob`, replacing an older one, and adds `tags` to the tags of the key.
pub(crate) fn write<'t>(
    txn: &WriteTransaction,
    collection: &str,
    key: &str,
    blob: &[u8],
    tags: impl IntoIterator<Item = &'t str>,
) -> Result<(), StoreError> {
    let length = u32::try_from(blob.len()).map_err(|_| StoreError::TooLarge(blob.len()))?;
    let path = path(&[collection], key);
    let (head, tail) = blob.split_at(blob.len().min(MAX_ROW_BYTES));
    let mut blobs = txn.open_table(BLOBS)?;
    let old = match blobs.get(path.as_slice())? {
        Some(row) => chunks_of(length_of(verify(&path, row.value())?)?),
        None => 0,
    };
    insert(&mut blobs, &path, &[&length.to_le_bytes(), head])?;
    write_chunks(txn, collection, key, tail, old)?;

    add_tags(txn, collection, key, tags)
}

/// Adds `tags` to the tags of a key.
pub(crate) fn add_tags<'t>(
    txn: &WriteTransaction,
    collection: &str,
    key: &str,
    tags: impl IntoIterator<Item = &'t str>,
) -> Result<(), StoreError> {
    let mut tags = tags.into_iter().peekable();
    if tags.peek().is_none() {
        return Ok(());
    }
    let mut by_tag = txn.open_table(BY_TAG)?;
    let mut tags_of = txn.open_table(TAGS_OF)?;
    for tag in tags {
        insert(&mut by_tag, &self::path(&[collection, tag], key), &[])?;
        insert(&mut tags_of, &self::path(&[collection, key], tag), &[])?;
    }
    Ok(())
}

/// Writes a row, whose value is given in parts.
pub(super) fn insert(
    table: &mut Table<'_, RawBytes, RawBytes>,
    key: &[u8],
    value: &[&[u8]],
) -> Result<(), StoreError> {
    let length: usize = value.iter().map(|part| part.len()).sum();
    let mut row = table.insert_reserve(key, length + CHECKSUM_LEN)?;
    let (copy, sum) = row.as_mut().split_at_mut(length);
    let mut rest = &mut *copy;
    for part in value {
        let (head, tail) = rest.split_at_mut(part.len());
        head.copy_from_slice(part);
        rest = tail;
    }
    sum.copy_from_slice(&checksum(key, copy));
    Ok(())
}

/// Writes the part of a blob that does not fit into its first row, and removes excess chunks of the older blob, which
/// had `old` of them.
fn write_chunks(
    txn: &WriteTransaction,
    collection: &str,
    key: &str,
    tail: &[u8],
    old: u32,
) -> Result<(), StoreError> {
    if tail.is_empty() && old == 0 {
        return Ok(());
    }
    let mut chunks = txn.open_table(CHUNKS)?;
    let mut written = 0;
    for chunk in tail.chunks(MAX_ROW_BYTES) {
        written += 1;
        insert(&mut chunks, &chunk_path(collection, key, written), &[chunk])?;
    }
    for number in written + 1..=old {
        chunks.remove(chunk_path(collection, key, number).as_slice())?;
    }
    Ok(())
}

/// Removes the blob and its tags. A missing blob is not an error.
pub(crate) fn remove(txn: &WriteTransaction, collection: &str, key: &str) -> Result<(), StoreError> {
    let old = {
        let mut blobs = txn.open_table(BLOBS)?;
        let path = path(&[collection], key);
        match blobs.remove(path.as_slice())? {
            // A damaged blob can be removed: what is left of it takes room, and is replaced with the key.
            Some(row) => verify(&path, row.value()).and_then(length_of).map_or(0, chunks_of),
            None => return Ok(()),
        }
    };
    write_chunks(txn, collection, key, &[], old)?;
    let mut tags_of = txn.open_table(TAGS_OF)?;
    let tags = tags_under(&tags_of, &path(&[collection, key], ""))?;
    if tags.is_empty() {
        return Ok(());
    }
    let mut by_tag = txn.open_table(BY_TAG)?;
    for tag in tags {
        by_tag.remove(path(&[collection, &tag], key).as_slice())?;
        tags_of.remove(path(&[collection, key], &tag).as_slice())?;
    }
    Ok(())
}

fn tags_under(tags_of: &Table<'_, RawBytes, RawBytes>, prefix: &[u8]) -> Result<Vec<String>, StoreError> {
    let mut tags = Vec::new();
    for entry in tags_of.range(prefix..)? {
        let (path, _) = entry?;
        let Some(tag) = path.value().strip_prefix(prefix) else { break };
        tags.push(text(tag)?);
    }
    Ok(tags)
}

/// Returns the operation that stores a blob.
pub(super) fn write_operation(
    collection: &str,
    key: &str,
    blob: Bytes,
    tags: &[&str],
) -> impl FnMut(&WriteTransaction) -> Result<(), StoreError> + Send + 'static + use<> {
    let (collection, key) = (collection.to_owned(), key.to_owned());
    let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
    move |txn| write(txn, &collection, &key, &blob, tags.iter().map(String::as_str))
}

/// Returns the operation that removes a blob.
pub(super) fn remove_operation(
    collection: &str,
    key: &str,
) -> impl FnMut(&WriteTransaction) -> Result<(), StoreError> + Send + 'static + use<> {
    let (collection, key) = (collection.to_owned(), key.to_owned());
    move |txn| remove(txn, &collection, &key)
}

/// The tables of one snapshot, opened once because that costs more than a lookup.
pub(super) struct BlobTables {
    rows: ReadOnlyTable<RawBytes, RawBytes>,
    chunks: ReadOnlyTable<RawBytes, RawBytes>,
    by_tag: ReadOnlyTable<RawBytes, RawBytes>,
}

impl BlobTables {
    pub(super) fn open(txn: &ReadTransaction) -> Result<Self, TableError> {
        Ok(Self {
            rows: txn.open_table(BLOBS)?,
            chunks: txn.open_table(CHUNKS)?,
            by_tag: txn.open_table(BY_TAG)?,
        })
    }

    /// Returns the length of a blob, which is not read.
    pub(super) fn len(&self, collection: &str, key: &str) -> Result<usize, StoreError> {
        let path = path(&[collection], key);
        let row = first_row(&self.rows, &path, collection, key)?;
        length_of(verify(&path, row.value())?)
    }

    /// Returns a blob that is in one row, or the length of a longer one.
    pub(super) fn read_first(&self, collection: &str, key: &str) -> Result<Result<Bytes, usize>, StoreError> {
        let path = path(&[collection], key);
        let row = first_row(&self.rows, &path, collection, key)?;
        let row = verify(&path, row.value())?;
        let (length, head) = (length_of(row)?, &row[HEADER..]);
        Ok(if head.len() == length { Ok(Bytes::copy_from_slice(head)) } else { Err(length) })
    }

    pub(super) fn read(&self, collection: &str, key: &str) -> Result<Bytes, StoreError> {
        read_from(&self.rows, &self.chunks, collection, key)
    }

    /// Calls `visit` with the key and the length of each blob of a collection, from the last key to the first, until it
    /// returns false.
    pub(super) fn visit_from_last(
        &self,
        collection: &str,
        mut visit: impl FnMut(&str, usize) -> bool,
    ) -> Result<(), StoreError> {
        let prefix = path(&[collection], "");
        // No text has this byte, so that all keys of the collection come before it.
        let end = [prefix.as_slice(), &[0xff]].concat();
        for entry in ReadableTable::range(&self.rows, prefix.as_slice()..end.as_slice())?.rev() {
            let (path, row) = entry?;
            let key = text(&path.value()[prefix.len()..])?;
            if !visit(&key, length_of(row.value())?) {
                break;
            }
        }
        Ok(())
    }

    /// Returns the keys that have all of `tags`, in byte order. Without tags there are none.
    pub(super) async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>, StoreError> {
        let mut keys = Vec::new();
        for (count, key) in self.matches(collection, tags)?.enumerate() {
            if count % ENTRIES_PER_TURN == ENTRIES_PER_TURN - 1 {
                tokio::task::yield_now().await;
            }
            keys.extend(key?);
        }
        Ok(keys)
    }

    /// As [`BlobTables::find`], without giving other tasks a turn.
    pub(super) fn find_at_once(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>, StoreError> {
        self.matches(collection, tags)?.filter_map(Result::transpose).collect()
    }

    /// Returns the keys that have the first of `tags`, each only if it has the others too.
    fn matches(
        &self,
        collection: &str,
        tags: &[&str],
    ) -> Result<impl Iterator<Item = Result<Option<String>, StoreError>>, StoreError> {
        let (first, others) = tags.split_first().unzip();
        let prefix = path(&[collection, first.unwrap_or(&"")], "");
        let entries = ReadableTable::range(&self.by_tag, prefix.as_slice()..)?;
        let entries = first.is_some().then_some(entries).into_iter().flatten();
        Ok(entries.map_while(move |entry| {
            let key = match entry {
                Ok((path, row)) => path
                    .value()
                    .strip_prefix(prefix.as_slice())
                    .map(|key| verify(path.value(), row.value()).and_then(|_| text(key)))?,
                Err(error) => Err(error.into()),
            };
            Some(key.and_then(|key| {
                let matches = self.has_all_tags(collection, &key, others.unwrap_or_default())?;
                Ok(matches.then_some(key))
            }))
        }))
    }

    /// Returns whether a key has all of `tags`.
    pub(super) fn has_all_tags(
        &self,
        collection: &str,
        key: &str,
        tags: &[&str],
    ) -> Result<bool, StoreError> {
        for tag in tags {
            if ReadableTable::get(&self.by_tag, path(&[collection, tag], key).as_slice())?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Returns the blob stored under `key`, as the transaction sees it.
pub(crate) fn read(txn: &WriteTransaction, collection: &str, key: &str) -> Result<Bytes, StoreError> {
    read_from(&txn.open_table(BLOBS)?, &txn.open_table(CHUNKS)?, collection, key)
}

fn first_row<'t>(
    rows: &'t impl ReadableTable<RawBytes, RawBytes>,
    path: &[u8],
    collection: &str,
    key: &str,
) -> Result<AccessGuard<'t, RawBytes>, StoreError> {
    let row = rows.get(path)?;
    row.ok_or_else(|| StoreError::NotFound { collection: collection.into(), key: key.into() })
}

fn read_from(
    rows: &impl ReadableTable<RawBytes, RawBytes>,
    chunks: &impl ReadableTable<RawBytes, RawBytes>,
    collection: &str,
    key: &str,
) -> Result<Bytes, StoreError> {
    let path = path(&[collection], key);
    let row = first_row(rows, &path, collection, key)?;
    let row = verify(&path, row.value())?;
    let length = length_of(row)?;
    let head = &row[HEADER..];
    if head.len() == length {
        return Ok(Bytes::copy_from_slice(head));
    }
    let mut blob = BytesMut::with_capacity(length);
    blob.extend_from_slice(head);
    for number in 1..=chunks_of(length) {
        let path = chunk_path(collection, key, number);
        let Some(chunk) = chunks.get(path.as_slice())? else { break };
        blob.extend_from_slice(verify(&path, chunk.value())?);
    }
    if blob.len() != length {
        let found = blob.len();
        return Err(StoreError::Corrupt(format!("{collection}/{key}: {found} of {length} bytes")));
    }
    Ok(blob.freeze())
}

/// Returns the blob's length from its first row.
fn length_of(row: &[u8]) -> Result<usize, StoreError> {
    let header = row.first_chunk::<HEADER>();
    let length = header.and_then(|header| usize::try_from(u32::from_le_bytes(*header)).ok());
    length.ok_or_else(|| StoreError::Corrupt("a blob without a length".into()))
}

/// Returns the number of chunks after the first row of a blob of this length.
fn chunks_of(length: usize) -> u32 {
    u32::try_from(length.saturating_sub(MAX_ROW_BYTES).div_ceil(MAX_ROW_BYTES)).unwrap_or(u32::MAX)
}

fn text(bytes: &[u8]) -> Result<String, StoreError> {
    String::from_utf8(bytes.into()).map_err(|_| StoreError::Corrupt("a key that is not text".into()))
}

/// Returns a table key: `parents`, each with its length before it, and `last`.
pub(super) fn path(parents: &[&str], last: &str) -> Vec<u8> {
    let length = parents.iter().map(|parent| HEADER + parent.len()).sum::<usize>() + last.len();
    let mut path = Vec::with_capacity(length + HEADER);
    for parent in parents {
        // A text comes from a frame, whose size is limited far below 4 GiB.
        let length = u32::try_from(parent.len()).unwrap_or(u32::MAX);
        path.extend_from_slice(&length.to_be_bytes());
        path.extend_from_slice(parent.as_bytes());
    }
    path.extend_from_slice(last.as_bytes());
    path
}

fn chunk_path(collection: &str, key: &str, number: u32) -> Vec<u8> {
    let mut path = path(&[collection, key], "");
    path.extend_from_slice(&number.to_be_bytes());
    path
}
