//! `geobase`: the regions of the earth, found by address, by coordinates, by name and by their relations
//! (`services.md` 22).
//!
//! Only the method names of the original are known. This project's interpretation of them is documented with the
//! differences from the original.

mod coordinates;
mod mmdb;
mod name_index;
mod network_record;
mod region;
mod region_index;
mod region_key;
mod region_services;
mod response;
mod sample;
#[cfg(test)]
mod tests;
mod time_zones;
mod tree;
mod tree_builder;
mod tree_check;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use cocaine::{Error, Result, Value, bind::Caller};
use cocaine_bindings::{Geobase, geobase::Timezone};

use tokio::task::spawn_blocking;

use crate::{
    errno::{self, Errno},
    store::{ClientStore, Store},
};

use self::{region_index::RegionIndex, region_services::RegionServices, time_zones::TimeZones};

/// Stands for the file in errors about the built-in sample.
const SAMPLE: &str = "the sample";

/// The largest number of regions that a search by name returns.
const MAX_FOUND: usize = 1000;

/// Why the database of regions cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("geobase cannot use {}: {reason}", .file.display())]
pub struct GeobaseError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// The service around a database of regions.
#[derive(Clone, Debug)]
pub(crate) struct GeobaseService {
    index: Arc<RegionIndex>,
    zones: TimeZones,
    store: Store,
    services: RegionServices,
}

impl GeobaseService {
    /// Loads the database from a file, or else the sample, on a thread for blocking work.
    pub(crate) async fn start(file: Option<PathBuf>, store: Store) -> Result<Self, GeobaseError> {
        let path = file.clone();
        let opened = spawn_blocking(move || Self::open(path.as_deref(), store)).await;
        opened.unwrap_or_else(|error| Err(unusable(file.as_deref().unwrap_or(Path::new(SAMPLE)), &error)))
    }

    fn open(file: Option<&Path>, store: Store) -> Result<Self, GeobaseError> {
        let bytes = match file {
            Some(file) => read(file).map_err(|error| unusable(file, &error))?,
            None => sample::database(),
        };
        let index =
            RegionIndex::new(bytes).map_err(|error| unusable(file.unwrap_or(Path::new(SAMPLE)), &error))?;
        index.log_summary(file);
        let services = RegionServices::new(ClientStore::new(store.clone(), Arc::default()));
        Ok(Self { index: Arc::new(index), zones: TimeZones::new(), store, services })
    }

    /// Returns the service for one caller.
    pub(crate) fn service(&self, caller: &Caller) -> Self {
        let store = ClientStore::new(self.store.clone(), caller.connection_state());
        Self { services: RegionServices::new(store), ..self.clone() }
    }

    /// Returns the position of a region, or an error if it is unknown.
    fn find(&self, id: i32) -> Result<u32> {
        self.index.tree.find(id).ok_or_else(|| invalid(format!("region {id} is unknown")))
    }

    fn ids(&self, regions: impl IntoIterator<Item = u32>) -> Vec<i32> {
        regions.into_iter().map(|at| self.index.tree.id(at)).collect()
    }
}

/// Reads a regular file. Devices and pipes, which may be endless, are refused.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(file)?.is_file() {
        fs::read(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

fn unusable(file: &Path, reason: &impl ToString) -> GeobaseError {
    GeobaseError { file: file.into(), reason: reason.to_string() }
}

/// Returns the error for an argument that is invalid or names nothing known.
fn invalid(text: impl Into<String>) -> Error {
    errno::error(Errno::INVAL, text)
}

fn unknown_zone(name: &str) -> Error {
    invalid(format!("the time zone {name:?} is unknown"))
}

impl Geobase for GeobaseService {
    async fn region_id(&self, ip: &str) -> Result<i32> {
        let address = response::parse_address(ip)?;
        let region = self.index.find_by_address(address).ok_or_else(|| response::unknown_address(address))?;
        Ok(self.index.tree.id(region))
    }

    async fn chief_region_id(&self, id: i32) -> Result<i32> {
        let chief = self.index.tree.region(self.find(id)?).chief_city;
        let chief = chief.ok_or_else(|| invalid(format!("no town is known in region {id}")))?;
        Ok(self.index.tree.id(chief))
    }

    async fn children(&self, id: i32) -> Result<Vec<i32>> {
        Ok(self.ids(self.index.tree.children(self.find(id)?)))
    }

    /// An address in no known region is in no region at all.
    async fn ip_in(&self, ip: &str, id: i32) -> Result<bool> {
        let (address, region) = (response::parse_address(ip)?, self.find(id)?);
        Ok(self.index.find_by_address(address).is_some_and(|at| self.index.tree.contains(region, at)))
    }

    async fn id_in(&self, id: i32, parent: i32) -> Result<bool> {
        Ok(self.index.tree.contains(self.find(parent)?, self.find(id)?))
    }

    async fn parent_id(&self, id: i32) -> Result<i32> {
        let parent = self.index.tree.parent(self.find(id)?);
        let parent = parent.ok_or_else(|| invalid(format!("region {id} has no parent region")))?;
        Ok(self.index.tree.id(parent))
    }

    async fn parents(&self, id: i32) -> Result<Vec<i32>> {
        Ok(self.ids(self.index.tree.parents(self.find(id)?)))
    }

    async fn region_id_by_location(&self, latitude: f64, longitude: f64) -> Result<i32> {
        let (at, _) = response::nearest_region(&self.index, response::coordinates(latitude, longitude)?)?;
        Ok(self.index.tree.id(at))
    }

    async fn subtree(&self, id: i32) -> Result<Vec<i32>> {
        Ok(self.ids(self.index.tree.subtree(self.find(id)?)))
    }

    async fn supported_linguistics(&self) -> Result<Vec<String>> {
        Ok(self.index.tree.languages().iter().map(ToString::to_string).collect())
    }

    async fn timezone_name(&self, id: i32) -> Result<String> {
        let zone = self.index.tree.zone(self.find(id)?);
        zone.map(str::to_owned).ok_or_else(|| invalid(format!("region {id} has no time zone of its own")))
    }

    async fn timezone(&self, name: &str) -> Result<Timezone> {
        self.zones.now(name).ok_or_else(|| unknown_zone(name))
    }

    async fn timezone_for_time(&self, name: &str, time: i64) -> Result<Timezone> {
        self.zones.at(name, time).ok_or_else(|| unknown_zone(name))?.map_err(invalid)
    }

    /// The database has one form of each name.
    async fn linguistics_for_region(&self, id: i32, lang: &str) -> Result<Vec<String>> {
        let region = self.find(id)?;
        if self.index.tree.languages().iter().all(|known| **known != *lang) {
            return Err(invalid(format!("no region has a name in the language {lang:?}")));
        }
        let names = self.index.tree.names(region).filter(|(language, _)| *language == lang);
        Ok(names.map(|(_, name)| name.to_owned()).collect())
    }

    async fn get_services(&self, id: i32) -> Result<Vec<String>> {
        self.find(id)?;
        self.services.get(id).await
    }

    async fn have_service(&self, id: i32, service: &str) -> Result<bool> {
        self.find(id)?;
        Ok(self.services.get(id).await?.iter().any(|known| known == service))
    }

    async fn set_service(&self, id: i32, service: &str, enabled: bool) -> Result<()> {
        self.find(id)?;
        self.services.set(id, service, enabled).await
    }

    async fn parent(&self, id: i32) -> Result<i32> {
        self.parent_id(id).await
    }

    async fn coordinates(&self, id: i32) -> Result<Vec<f64>> {
        let coordinates = self.index.tree.region(self.find(id)?).coordinates;
        let coordinates =
            coordinates.ok_or_else(|| invalid(format!("the database has no location for region {id}")))?;
        Ok(vec![coordinates.latitude, coordinates.longitude])
    }

    /// Returns each distinct name once, in the order of the languages.
    async fn names(&self, id: i32) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for (_, name) in self.index.tree.names(self.find(id)?) {
            if names.iter().all(|known| known != name) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    async fn codes(&self, id: i32) -> Result<Vec<String>> {
        let code = &self.index.tree.region(self.find(id)?).code;
        Ok(code.iter().map(ToString::to_string).collect())
    }

    async fn region_data(&self, id: i32) -> Result<Value> {
        let (region, services) = (self.find(id)?, self.services.get(id).await?);
        Ok(response::region_data(&self.index.tree, region, services))
    }

    async fn pinpoint_geolocation(&self, request: &BTreeMap<String, String>) -> Result<Value> {
        response::pinpoint(&self.index, request)
    }

    async fn region_ids_by_name(&self, name: &str, max: i32) -> Result<Vec<i32>> {
        let max = usize::try_from(max).unwrap_or(0).min(MAX_FOUND);
        Ok(self.ids(self.index.names.find(name, max)))
    }
}
