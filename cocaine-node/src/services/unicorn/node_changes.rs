//! The changes that callers make to single nodes.

use cocaine::{Bytes, Value};

use super::{
    error::UnicornError,
    hub::Hub,
    path::Path,
    transaction::{NodeChange, TreeTransaction},
    tree::{self, ChangeError, TreeChange},
};
use crate::store::NodeRecord;

/// Replaces the value of a node if its version is `version`.
#[derive(Debug)]
pub(super) struct PutNode {
    pub(super) path: Path,
    pub(super) value: Bytes,
    pub(super) version: i64,
}

/// Adds a node and its missing parents.
#[derive(Debug)]
pub(super) struct CreateNode {
    pub(super) path: Path,
    pub(super) value: Bytes,
}

/// Removes a node without children if its version is `version`.
#[derive(Debug)]
pub(super) struct RemoveNode {
    pub(super) path: Path,
    pub(super) version: i64,
}

/// Adds `by` to the number of a node, which is created if it is missing.
#[derive(Debug)]
pub(super) struct IncrementNode {
    pub(super) path: Path,
    pub(super) by: Value,
}

impl NodeChange for PutNode {
    /// Whether the value was replaced, and the current record.
    type Value = (bool, NodeRecord);

    fn weight(&self) -> usize {
        self.value.len()
    }

    fn depends_on_locks(&self, hub: &Hub) -> bool {
        hub.is_lock(&self.path)
    }

    fn change_lock(&self, hub: &Hub) -> Option<Result<Self::Value, UnicornError>> {
        hub.put_lock(&self.path, &self.value, self.version).map(Ok)
    }

    fn is_of_lock(&self, hub: &Hub) -> bool {
        hub.is_committed_lock(&self.path)
    }

    fn change_stored(
        &mut self,
        nodes: &mut TreeTransaction<'_>,
    ) -> Result<(Self::Value, Vec<TreeChange>), ChangeError> {
        let (put, record, changes) = tree::put(nodes, &self.path, self.value.clone(), self.version)?;
        Ok(((put, record), changes))
    }
}

impl NodeChange for CreateNode {
    type Value = ();

    fn weight(&self) -> usize {
        self.value.len()
    }

    fn depends_on_locks(&self, hub: &Hub) -> bool {
        hub.is_lock_or_below(&self.path)
    }

    fn change_lock(&self, _: &Hub) -> Option<Result<(), UnicornError>> {
        None
    }

    fn is_of_lock(&self, _: &Hub) -> bool {
        false
    }

    fn change_stored(
        &mut self,
        nodes: &mut TreeTransaction<'_>,
    ) -> Result<((), Vec<TreeChange>), ChangeError> {
        Ok(((), tree::create(nodes, &self.path, self.value.clone())?))
    }
}

impl NodeChange for RemoveNode {
    type Value = ();

    fn depends_on_locks(&self, hub: &Hub) -> bool {
        hub.is_lock(&self.path) || hub.locks(&self.path) > 0
    }

    fn change_lock(&self, hub: &Hub) -> Option<Result<(), UnicornError>> {
        hub.remove_lock(&self.path, self.version)
    }

    fn is_of_lock(&self, hub: &Hub) -> bool {
        hub.is_committed_lock(&self.path)
    }

    fn change_stored(
        &mut self,
        nodes: &mut TreeTransaction<'_>,
    ) -> Result<((), Vec<TreeChange>), ChangeError> {
        Ok(((), tree::remove(nodes, &self.path, self.version)?))
    }
}

impl NodeChange for IncrementNode {
    type Value = NodeRecord;

    fn depends_on_locks(&self, hub: &Hub) -> bool {
        hub.is_lock_or_below(&self.path) || hub.locks(&self.path) > 0
    }

    fn change_lock(&self, hub: &Hub) -> Option<Result<NodeRecord, UnicornError>> {
        Some(hub.increment_lock(&self.path, &self.by)?.map_err(UnicornError::from))
    }

    fn is_of_lock(&self, hub: &Hub) -> bool {
        hub.is_committed_lock(&self.path)
    }

    fn change_stored(
        &mut self,
        nodes: &mut TreeTransaction<'_>,
    ) -> Result<(NodeRecord, Vec<TreeChange>), ChangeError> {
        tree::increment(nodes, &self.path, &self.by)
    }
}
