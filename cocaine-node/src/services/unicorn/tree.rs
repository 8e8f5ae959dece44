//! The operations on the tree of nodes, and the changes that they report to subscribers. All I/O goes through
//! [`NodeStore`].

#[cfg(test)]
mod tests;

use cocaine::{Bytes, Value, msgpack};

use super::{error::UnicornError, limits, path::Path};
use crate::store::{NodeRecord, StoreError};

/// The value of a node that was created as a parent: nil.
const NIL: Bytes = Bytes::from_static(b"\xc0");

/// A tree that can be changed. Its lock nodes are kept apart from the stored ones.
pub(super) trait NodeStore {
    /// Returns the stored node at `path`, which is never a lock node.
    fn get(&self, path: &Path) -> Result<Option<NodeRecord>, StoreError>;
    fn set(&mut self, path: &Path, record: &NodeRecord) -> Result<(), StoreError>;
    fn remove(&mut self, path: &Path) -> Result<(), StoreError>;
    /// Returns whether there are stored nodes below `path`.
    fn has_children(&self, path: &Path) -> Result<bool, StoreError>;
    fn is_lock(&self, path: &Path) -> bool;
    /// Returns the number of lock nodes below `path`.
    fn locks(&self, path: &Path) -> usize;
}

/// A change of the tree, as subscribers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TreeChange {
    /// The node has a new value.
    Value {
        path: Path,
        value: Bytes,
        version: i64,
        parent: bool,
    },
    Removed(Path),
    /// The node was added to its parent.
    ChildAdded(Path),
    /// The node was removed from its parent.
    ChildRemoved(Path),
}

/// An operation changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChangeError {
    Refused(UnicornError),
    Store(StoreError),
}

impl From<UnicornError> for ChangeError {
    fn from(fault: UnicornError) -> Self {
        Self::Refused(fault)
    }
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ChangeError> for UnicornError {
    fn from(stop: ChangeError) -> Self {
        match stop {
            ChangeError::Refused(fault) => fault,
            ChangeError::Store(error) => error.into(),
        }
    }
}

/// Encodes a value for the store. It is encoded two levels deep, as it is when it is sent back with its version, so
/// that a value too deep to be sent is refused.
pub(super) fn encode(value: &Value) -> Result<Bytes, UnicornError> {
    let outer =
        msgpack::to_vec(&[[value]]).map_err(|error| UnicornError::ValueNotEncodable(error.to_string()))?;
    let value = bytes::Bytes::from(outer).slice(2..);
    if value.len() > limits::MAX_VALUE_BYTES {
        Err(UnicornError::ValueTooLarge(value.len()))
    } else {
        Ok(value.into())
    }
}

/// Decodes a stored value.
pub(super) fn decode(value: &Bytes) -> Result<Value, StoreError> {
    msgpack::from_bytes(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Creates a node and its missing parents.
pub(super) fn create(
    nodes: &mut impl NodeStore,
    path: &Path,
    value: Bytes,
) -> Result<Vec<TreeChange>, ChangeError> {
    if nodes.is_lock(path) || nodes.get(path)?.is_some() {
        return Err(UnicornError::NodeExists.into());
    }
    let mut changes = Vec::new();
    add_with_parents(nodes, path, NodeRecord { value, version: 0, changes: 0 }, &mut changes)?;
    Ok(changes)
}

/// Adds a node and its missing parents, and updates the first parent that exists.
fn add_with_parents(
    nodes: &mut impl NodeStore,
    path: &Path,
    record: NodeRecord,
    changes: &mut Vec<TreeChange>,
) -> Result<(), ChangeError> {
    let mut missing = vec![path.clone()];
    let mut above = path.parent();
    while let Some(parent) = above {
        if nodes.is_lock(&parent) {
            return Err(UnicornError::ParentIsLock.into());
        }
        if let Some(known) = nodes.get(&parent)? {
            nodes.set(&parent, &NodeRecord { changes: known.changes + 1, ..known })?;
            break;
        }
        above = parent.parent();
        missing.push(parent);
    }
    let (mut record, mut parent) = (Some(record), false);
    for path in missing {
        // The node itself comes first, then its parents, each of which gets one child.
        let record = record.take().unwrap_or(NodeRecord { value: NIL, version: 0, changes: 1 });
        nodes.set(&path, &record)?;
        let NodeRecord { value, version, .. } = record;
        changes.push(TreeChange::ChildAdded(path.clone()));
        changes.push(TreeChange::Value { path, value, version, parent });
        parent = true;
    }
    changes.reverse();
    Ok(())
}

/// Returns `record` with another value, if its version is `version`.
pub(super) fn with_value(record: &NodeRecord, value: Bytes, version: i64) -> Option<NodeRecord> {
    let next = NodeRecord { value, version: record.version + 1, changes: record.changes };
    (record.version == version).then_some(next)
}

/// Replaces the value of a node if its version is `version`. Returns whether it was, and the current record.
pub(super) fn put(
    nodes: &mut impl NodeStore,
    path: &Path,
    value: Bytes,
    version: i64,
) -> Result<(bool, NodeRecord, Vec<TreeChange>), ChangeError> {
    let record = nodes.get(path)?.ok_or(UnicornError::PutMissing)?;
    match with_value(&record, value, version) {
        Some(next) => {
            let changes = update(nodes, path, &next)?;
            Ok((true, next, changes))
        }
        None => Ok((false, record, Vec::new())),
    }
}

fn update(
    nodes: &mut impl NodeStore,
    path: &Path,
    record: &NodeRecord,
) -> Result<Vec<TreeChange>, ChangeError> {
    nodes.set(path, record)?;
    let (value, version) = (record.value.clone(), record.version);
    let parent = nodes.has_children(path)?;
    Ok(vec![TreeChange::Value { path: path.clone(), value, version, parent }])
}

/// Returns `record` with `by` added to its number.
pub(super) fn incremented(record: &NodeRecord, by: &Value) -> Result<NodeRecord, ChangeError> {
    let sum = sum(&decode(&record.value)?, by)?;
    Ok(NodeRecord { value: encode(&sum)?, version: record.version + 1, changes: record.changes })
}

/// Adds `by` to the number of a node, which is created if it is missing. Returns the new record.
pub(super) fn increment(
    nodes: &mut impl NodeStore,
    path: &Path,
    by: &Value,
) -> Result<(NodeRecord, Vec<TreeChange>), ChangeError> {
    let Some(record) = nodes.get(path)? else {
        if nodes.is_lock(path) {
            return Err(UnicornError::NodeExists.into());
        }
        let record = NodeRecord { value: encode(by)?, version: 0, changes: 0 };
        let mut changes = Vec::new();
        add_with_parents(nodes, path, record.clone(), &mut changes)?;
        return Ok((record, changes));
    };
    if nodes.has_children(path)? || nodes.locks(path) > 0 {
        return Err(UnicornError::IncrementParent.into());
    }
    let next = incremented(&record, by)?;
    let changes = update(nodes, path, &next)?;
    Ok((next, changes))
}

/// Returns the value if it is a number.
pub(super) fn number(value: &Value) -> Result<&Value, UnicornError> {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => Ok(value),
        _ => Err(UnicornError::IncrementNotNumeric),
    }
}

fn sum(stored: &Value, by: &Value) -> Result<Value, UnicornError> {
    match (integer(stored), integer(by)) {
        (Some(stored), Some(by)) => Ok(stored.wrapping_add(by).into()),
        _ => match (float(stored), float(by)) {
            (Some(stored), Some(by)) => Ok((stored + by).into()),
            _ => Err(UnicornError::StoredNotNumeric),
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

/// Checks that the record has the version that the caller expects; -1 stands for any.
pub(super) fn check_version(record: &NodeRecord, version: i64) -> Result<(), UnicornError> {
    if version == -1 || version == record.version { Ok(()) } else { Err(UnicornError::BadVersion) }
}

/// Removes a node that has no children.
pub(super) fn remove(
    nodes: &mut impl NodeStore,
    path: &Path,
    version: i64,
) -> Result<Vec<TreeChange>, ChangeError> {
    let record = nodes.get(path)?.ok_or(UnicornError::RemoveMissing)?;
    check_version(&record, version)?;
    if nodes.has_children(path)? || nodes.locks(path) > 0 {
        return Err(UnicornError::NotEmpty.into());
    }
    nodes.remove(path)?;
    if let Some(parent) = path.parent()
        && let Some(known) = nodes.get(&parent)?
    {
        nodes.set(&parent, &NodeRecord { changes: known.changes + 1, ..known })?;
    }
    Ok(vec![TreeChange::Removed(path.clone()), TreeChange::ChildRemoved(path.clone())])
}

/// Reserves the path of a lock node below `folder`, which is created if it is missing.
///
/// The folder counts two changes of its children at once, because the later removal of the lock node is not stored. The
/// visible version is thus the stored count less the number of current lock nodes.
pub(super) fn reserve_lock_path(
    nodes: &mut impl NodeStore,
    folder: &Path,
) -> Result<(Path, Vec<TreeChange>), ChangeError> {
    if nodes.is_lock(folder) {
        return Err(UnicornError::ParentIsLock.into());
    }
    let mut changes = Vec::new();
    let known = nodes.get(folder)?;
    let stored = known.as_ref().map_or(0, |known| known.changes);
    let path = folder.child(&format!("lock{:010}", visible_changes(stored, nodes.locks(folder))));
    if nodes.is_lock(&path) || nodes.get(&path)?.is_some() {
        return Err(UnicornError::NodeExists.into());
    }
    match known {
        Some(known) => nodes.set(folder, &NodeRecord { changes: known.changes + 2, ..known })?,
        None => {
            add_with_parents(nodes, folder, NodeRecord { value: NIL, version: 0, changes: 2 }, &mut changes)?;
        }
    }
    Ok((path, changes))
}

/// Returns the version of a list of children, `locks` of which are lock nodes.
pub(super) fn visible_changes(stored: i64, locks: usize) -> i64 {
    stored.saturating_sub(i64::try_from(locks).unwrap_or(i64::MAX))
}
