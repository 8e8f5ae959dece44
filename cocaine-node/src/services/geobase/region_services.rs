//! The services that callers have enabled for regions, stored under the region's number.

use bytes::Bytes;
use cocaine::{Error, Result, msgpack};
use redb::WriteTransaction;

use crate::{
    errno::{self, Errno},
    store::{ClientStore, StoreError, blobs},
};

/// The collection in the store, where the `storage` service shows it too.
const COLLECTION: &str = "geobase";

/// The largest number of services of a region.
const SERVICES: usize = 256;
/// The longest name of a service in bytes.
const NAME: usize = 256;

/// The services of all regions, as one client sees and changes them.
#[derive(Clone, Debug)]
pub(super) struct RegionServices(ClientStore);

impl RegionServices {
    pub(super) fn new(store: ClientStore) -> Self {
        Self(store)
    }

    /// Returns the services of a region, sorted by name.
    pub(super) async fn get(&self, id: i32) -> Result<Vec<String>> {
        decode(id, self.0.read(COLLECTION, &id.to_string()).await)
    }

    /// Enables or disables a service of a region, and returns once that is stored.
    pub(super) async fn set(&self, id: i32, service: &str, enabled: bool) -> Result<()> {
        if service.is_empty() || service.len() > NAME {
            return Err(super::invalid(format!("the name of a service has 1 to {NAME} bytes")));
        }
        let (weight, service) = (service.len(), service.to_owned());
        let changed = self.0.submit_change(weight, move |txn: &WriteTransaction| {
            let services = decode(id, blobs::read(txn, COLLECTION, &id.to_string()));
            // A refusal is not a failure of the storage.
            match services.and_then(|services| changed(id, services, &service, enabled)) {
                Ok(Some(services)) => write(txn, id, &services).map(Ok),
                Ok(None) => Ok(Ok(())),
                Err(refused) => Ok(Err(refused)),
            }
        });
        changed.await.map_err(StoreError::into_service_error)?
    }
}

/// Returns the services of a region with one enabled or disabled, or `None` if it is already.
fn changed(id: i32, mut services: Vec<String>, service: &str, enabled: bool) -> Result<Option<Vec<String>>> {
    match (services.binary_search_by(|known| known.as_str().cmp(service)), enabled) {
        (Err(at), true) if services.len() < SERVICES => services.insert(at, service.to_owned()),
        (Err(_), true) => {
            return Err(super::invalid(format!(
                "region {id} already has the maximum of {SERVICES} services"
            )));
        }
        (Ok(at), false) => drop(services.remove(at)),
        (Ok(_), true) | (Err(_), false) => return Ok(None),
    }
    Ok(Some(services))
}

fn write(txn: &WriteTransaction, id: i32, services: &[String]) -> Result<(), StoreError> {
    let key = id.to_string();
    if services.is_empty() {
        return blobs::remove(txn, COLLECTION, &key);
    }
    let blob = msgpack::to_vec(services).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    blobs::write(txn, COLLECTION, &key, &blob, [])
}

fn decode(id: i32, stored: Result<Bytes, StoreError>) -> Result<Vec<String>> {
    match stored {
        Ok(blob) => msgpack::from_slice(&blob).map_err(|error| unreadable(id, &error)),
        Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into_service_error()),
    }
}

fn unreadable(id: i32, error: &impl std::fmt::Display) -> Error {
    let text = format!("the value of `{id}` in `{COLLECTION}` is not a list of services: {error}");
    errno::error(Errno::IO, text)
}
