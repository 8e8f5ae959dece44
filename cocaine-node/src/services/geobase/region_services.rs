//! The services that callers have enabled for regions, stored under the region's number.

use bytes::Bytes;
use cocaine::{Error, Result, msgpack};
use tokio::sync::Mutex;

use crate::{
    errno::{self, Errno},
    store::{Store, StoreError},
};

/// The collection in the store, where the `storage` service shows it too.
const COLLECTION: &str = "geobase";

/// The largest number of services of a region.
const SERVICES: usize = 256;
/// The longest name of a service in bytes.
const NAME: usize = 256;

/// The services of all regions.
#[derive(Debug)]
pub(super) struct RegionServices {
    store: Store,
    /// Held while a list is read, changed and written back.
    changing: Mutex<()>,
}

impl RegionServices {
    pub(super) fn new(store: Store) -> Self {
        Self { store, changing: Mutex::default() }
    }

    /// Returns the services of a region, sorted by name.
    pub(super) fn get(&self, id: i32) -> Result<Vec<String>> {
        match self.store.read(COLLECTION, &id.to_string()) {
            Ok(blob) => msgpack::from_slice(&blob).map_err(|error| unreadable(id, &error)),
            Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into_service_error()),
        }
    }

    /// Enables or disables a service of a region, and returns once that is stored.
    pub(super) async fn set(&self, id: i32, service: &str, enabled: bool) -> Result<()> {
        if service.is_empty() || service.len() > NAME {
            return Err(super::invalid(format!("the name of a service has 1 to {NAME} bytes")));
        }
        let _changing = self.changing.lock().await;
        let mut services = self.get(id)?;
        match (services.binary_search_by(|known| known.as_str().cmp(service)), enabled) {
            (Err(at), true) if services.len() < SERVICES => services.insert(at, service.to_owned()),
            (Err(_), true) => {
                return Err(super::invalid(format!(
                    "region {id} already has the maximum of {SERVICES} services"
                )));
            }
            (Ok(at), false) => drop(services.remove(at)),
            (Ok(_), true) | (Err(_), false) => return Ok(()),
        }
        self.write(id, &services).await
    }

    async fn write(&self, id: i32, services: &[String]) -> Result<()> {
        let key = id.to_string();
        let written = if services.is_empty() {
            self.store.remove(COLLECTION, &key).await
        } else {
            let blob = msgpack::to_vec(services).map_err(|error| unreadable(id, &error))?;
            self.store.write(COLLECTION, &key, Bytes::from(blob), &[]).await
        };
        written.map_err(StoreError::into_service_error)
    }
}

fn unreadable(id: i32, error: &impl std::fmt::Display) -> Error {
    let text = format!("the value of `{id}` in `{COLLECTION}` is not a list of services: {error}");
    errno::error(Errno::IO, text)
}
