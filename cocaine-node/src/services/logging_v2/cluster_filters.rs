//! The cluster filters, which the node's store keeps across restarts.

use bytes::Bytes;
use cocaine::{Value, msgpack};

use crate::{
    log::filters::FilterRule,
    store::{Store, StoreError},
};

/// The collection of the filters, keyed by id and named after the original's path in unicorn.
const COLLECTION: &str = "cocaine/logging_v2/filters";
const TAG: &str = "filter";

/// Loads the stored filters. One that cannot be read is skipped with a warning.
pub(super) async fn load(store: &Store) -> Result<Vec<FilterRule>, StoreError> {
    let mut rules = Vec::new();
    for id in store.find(COLLECTION, &[TAG]).await? {
        match read(store, &id) {
            Ok(rule) => rules.push(rule),
            Err(error) => tracing::warn!(id, error, "a stored log filter cannot be used"),
        }
    }
    Ok(rules)
}

fn read(store: &Store, id: &str) -> Result<FilterRule, String> {
    let blob = store.read(COLLECTION, id).map_err(|error| error.to_string())?;
    let stored: Value = msgpack::from_slice(&blob).map_err(|error| error.to_string())?;
    let rule = FilterRule::from_stored(&stored).map_err(|error| error.to_string())?;
    if rule.id.to_string() == id { Ok(rule) } else { Err(format!("it says that it is {}", rule.id)) }
}

/// Stores a filter. The change is queued when this returns.
pub(super) fn write(
    store: &Store,
    rule: &FilterRule,
) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
    let blob = msgpack::to_vec(&rule.to_stored()).expect("a value without bounds");
    store.write(COLLECTION, &rule.id.to_string(), Bytes::from(blob), &[TAG])
}

/// Removes a stored filter. The change is queued when this returns.
pub(super) fn remove(store: &Store, id: u64) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
    store.remove(COLLECTION, &id.to_string())
}
