//! What may be done to a tree of nodes, and what of it others are told. No I/O but through [`Nodes`].

#[cfg(test)]
mod tests;

use cocaine::{Bytes, Value, msgpack};

use super::{error::Fault, limits, path::Path};
use crate::store::{Record, StoreError};

/// The value of a node that was made for its children.
const EMPTY: Bytes = Bytes::from_static(b"\xc0");

/// A tree that can be changed, and the lock nodes in it, which are kept elsewhere.
pub(super) trait Nodes {
    /// Returns what is stored at `path`; nothing of a lock node.
    fn get(&self, path: &Path) -> Result<Option<Record>, StoreError>;
    fn set(&mut self, path: &Path, record: &Record) -> Result<(), StoreError>;
    fn remove(&mut self, path: &Path) -> Result<(), StoreError>;
    /// Returns whether nodes are stored below `path`.
    fn has_children(&self, path: &Path) -> Result<bool, StoreError>;
    fn is_lock(&self, path: &Path) -> bool;
    /// Returns how many lock nodes are below `path`.
    fn locks(&self, path: &Path) -> usize;
}

/// What others are told of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The node has this value now.
    Value {
        path: Path,
        value: Bytes,
        version: i64,
        parent: bool,
    },
    Removed(Path),
    /// The node is a child of its parent now.
    Came(Path),
    /// The node is a child of its parent no more.
    Left(Path),
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Fault(Fault),
    Store(StoreError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Fault(fault) => fault,
            Stop::Store(error) => error.into(),
        }
    }
}

/// Returns `value` as it is stored. It can be sent back with its version, two levels deeper.
pub(super) fn encode(value: &Value) -> Result<Bytes, Fault> {
    let outer = msgpack::to_vec(&[[value]]).map_err(|error| Fault::Unsendable(error.to_string()))?;
    let value = bytes::Bytes::from(outer).slice(2..);
    if value.len() > limits::VALUE { Err(Fault::TooLarge(value.len())) } else { Ok(value.into()) }
}

/// Returns a stored value.
pub(super) fn decode(value: &Bytes) -> Result<Value, StoreError> {
    msgpack::from_bytes(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Creates a node, and its parents where they are missing.
pub(super) fn create(nodes: &mut impl Nodes, path: &Path, value: Bytes) -> Result<Vec<Change>, Stop> {
    if nodes.is_lock(path) || nodes.get(path)?.is_some() {
        return Err(Fault::Exists.into());
    }
    let mut changes = Vec::new();
    grow(nodes, path, Record { value, version: 0, changes: 0 }, &mut changes)?;
    Ok(changes)
}

/// Adds a node that is missing, below its parents.
fn grow(nodes: &mut impl Nodes, path: &Path, record: Record, changes: &mut Vec<Change>) -> Result<(), Stop> {
    let mut missing = vec![path.clone()];
    let mut above = path.parent();
    while let Some(parent) = above {
        if nodes.is_lock(&parent) {
            return Err(Fault::BelowLock.into());
        }
        if let Some(known) = nodes.get(&parent)? {
            nodes.set(&parent, &Record { changes: known.changes + 1, ..known })?;
            break;
        }
        above = parent.parent();
        missing.push(parent);
    }
    let (mut record, mut parent) = (Some(record), false);
    for path in missing {
        // The node itself comes first, then its parents, each with one child.
        let record = record.take().unwrap_or(Record { value: EMPTY, version: 0, changes: 1 });
        nodes.set(&path, &record)?;
        let Record { value, version, .. } = record;
        changes.push(Change::Came(path.clone()));
        changes.push(Change::Value { path, value, version, parent });
        parent = true;
    }
    changes.reverse();
    Ok(())
}

/// Returns what is there instead of `record` once its value is replaced, if its version is still `version`.
pub(super) fn replaced(record: &Record, value: Bytes, version: i64) -> Option<Record> {
    let next = Record { value, version: record.version + 1, changes: record.changes };
    (record.version == version).then_some(next)
}

/// Replaces the value of a node if its version is still `version`; returns whether it was, and what is there now.
pub(super) fn put(
    nodes: &mut impl Nodes,
    path: &Path,
    value: Bytes,
    version: i64,
) -> Result<(bool, Record, Vec<Change>), Stop> {
    let record = nodes.get(path)?.ok_or(Fault::NothingToPut)?;
    match replaced(&record, value, version) {
        Some(next) => {
            let changes = update(nodes, path, &next)?;
            Ok((true, next, changes))
        }
        None => Ok((false, record, Vec::new())),
    }
}

fn update(nodes: &mut impl Nodes, path: &Path, record: &Record) -> Result<Vec<Change>, Stop> {
    nodes.set(path, record)?;
    let (value, version) = (record.value.clone(), record.version);
    let parent = nodes.has_children(path)?;
    Ok(vec![Change::Value { path: path.clone(), value, version, parent }])
}

/// Returns what is there instead of `record` once `by` is added to its number.
pub(super) fn increased(record: &Record, by: &Value) -> Result<Record, Stop> {
    let sum = sum(&decode(&record.value)?, by)?;
    Ok(Record { value: encode(&sum)?, version: record.version + 1, changes: record.changes })
}

/// Adds `by` to the number of a node, which is created if it is missing; returns what is there now.
pub(super) fn increment(
    nodes: &mut impl Nodes,
    path: &Path,
    by: &Value,
) -> Result<(Record, Vec<Change>), Stop> {
    let Some(record) = nodes.get(path)? else {
        if nodes.is_lock(path) {
            return Err(Fault::Exists.into());
        }
        let record = Record { value: encode(by)?, version: 0, changes: 0 };
        let mut changes = Vec::new();
        grow(nodes, path, record.clone(), &mut changes)?;
        return Ok((record, changes));
    };
    if nodes.has_children(path)? || nodes.locks(path) > 0 {
        return Err(Fault::ParentIncremented.into());
    }
    let next = increased(&record, by)?;
    let changes = update(nodes, path, &next)?;
    Ok((next, changes))
}

/// Returns a number, for it alone can be added.
pub(super) fn number(value: &Value) -> Result<&Value, Fault> {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => Ok(value),
        _ => Err(Fault::NotNumber),
    }
}

fn sum(stored: &Value, by: &Value) -> Result<Value, Fault> {
    match (integer(stored), integer(by)) {
        (Some(stored), Some(by)) => Ok(stored.wrapping_add(by).into()),
        _ => match (float(stored), float(by)) {
            (Some(stored), Some(by)) => Ok((stored + by).into()),
            _ => Err(Fault::NotNumeric),
        },
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::UInt(number) => Some(number.cast_signed()),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sum with a float is a float")]
fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::UInt(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

/// Returns whether a node of this version may be removed by a caller who takes it to be `version`.
pub(super) fn removable(record: &Record, version: i64) -> Result<(), Fault> {
    if version == -1 || version == record.version { Ok(()) } else { Err(Fault::BadVersion) }
}

/// Removes a node that has no children.
pub(super) fn remove(nodes: &mut impl Nodes, path: &Path, version: i64) -> Result<Vec<Change>, Stop> {
    let record = nodes.get(path)?.ok_or(Fault::NothingToRemove)?;
    removable(&record, version)?;
    if nodes.has_children(path)? || nodes.locks(path) > 0 {
        return Err(Fault::NotEmpty.into());
    }
    nodes.remove(path)?;
    if let Some(parent) = path.parent()
        && let Some(known) = nodes.get(&parent)?
    {
        nodes.set(&parent, &Record { changes: known.changes + 1, ..known })?;
    }
    Ok(vec![Change::Removed(path.clone()), Change::Left(path.clone())])
}

/// Makes place for a lock node below `folder`, which is created if it is missing, and returns its path.
///
/// Two changes of the folder's children are counted at once, since the lock node will go without a word to the storage:
/// how often they have changed is what is stored less the lock nodes that are there.
pub(super) fn enter(nodes: &mut impl Nodes, folder: &Path) -> Result<(Path, Vec<Change>), Stop> {
    if nodes.is_lock(folder) {
        return Err(Fault::BelowLock.into());
    }
    let mut changes = Vec::new();
    let known = nodes.get(folder)?;
    let stored = known.as_ref().map_or(0, |known| known.changes);
    let path = folder.child(&format!("lock{:010}", visible(stored, nodes.locks(folder))));
    if nodes.is_lock(&path) || nodes.get(&path)?.is_some() {
        return Err(Fault::Exists.into());
    }
    match known {
        Some(known) => nodes.set(folder, &Record { changes: known.changes + 2, ..known })?,
        None => grow(nodes, folder, Record { value: EMPTY, version: 0, changes: 2 }, &mut changes)?,
    }
    Ok((path, changes))
}

/// Returns how often the children have changed, of which `locks` are lock nodes.
pub(super) fn visible(stored: i64, locks: usize) -> i64 {
    stored.saturating_sub(i64::try_from(locks).unwrap_or(i64::MAX))
}
