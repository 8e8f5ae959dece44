//! The services that regions have, as callers set them: kept in the store, under the region's number.

use bytes::Bytes;
use cocaine::{Error, Result, msgpack};
use tokio::sync::Mutex;

use crate::{
    errno::{self, Errno},
    store::{Store, StoreError},
};

/// Where they are stored. The service `storage` sees them there.
const COLLECTION: &str = "geobase";

/// More services of one region are refused.
const SERVICES: usize = 256;
/// Bytes of a service's name; longer ones are refused.
const NAME: usize = 256;

/// The services of all regions.
#[derive(Debug)]
pub(super) struct Enabled {
    store: Store,
    /// Guard by the one change that runs.
    changing: Mutex<()>,
}

impl Enabled {
    pub(super) fn new(store: Store) -> Self {
        Self { store, changing: Mutex::default() }
    }

    /// Returns the services of a region in the order of their names.
    pub(super) fn get(&self, id: i32) -> Result<Vec<String>> {
        match self.store.read(COLLECTION, &id.to_string()) {
            Ok(blob) => msgpack::from_slice(&blob).map_err(|error| unreadable(id, &error)),
            Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into_service_error()),
        }
    }

    /// Gives a service to a region or takes it away, and returns once that is stored.
    pub(super) async fn set(&self, id: i32, service: &str, enabled: bool) -> Result<()> {
        if service.is_empty() || service.len() > NAME {
            return Err(super::refused(format!("a service's name has from 1 to {NAME} bytes")));
        }
        let _changing = self.changing.lock().await;
        let mut services = self.get(id)?;
        match (services.binary_search_by(|known| known.as_str().cmp(service)), enabled) {
            (Err(at), true) if services.len() < SERVICES => services.insert(at, service.to_owned()),
            (Err(_), true) => {
                return Err(super::refused(format!(
                    "region {id} has {SERVICES} services, and can have no more"
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
    let text = format!("what is stored as `{id}` in `{COLLECTION}` is no list of services: {error}");
    errno::error(Errno::IO, text)
}
