//! `geobase`: regions of the earth, by address, by place and by each other (`services.md` 22).
//!
//! Only the names of the methods are known of the original. What they mean is this project's own reading, which the
//! docs of the crate list.

mod coordinates;
mod mmdb;
mod name_index;
mod network_record;
mod region_index;
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

use cocaine::{Error, Result, Value};
use cocaine_bindings::{Geobase, geobase::Timezone};

use tokio::task::spawn_blocking;

use crate::{
    errno::{self, Errno},
    store::Store,
};

use self::{region_index::Atlas, region_services::Enabled, time_zones::Zones};

/// What stands for a file in errors, if there is none.
const SAMPLE: &str = "the sample";

/// At most so many regions are found by a name, whatever a caller asks for.
const FOUND: usize = 1000;

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
    atlas: Arc<Atlas>,
    zones: Zones,
    enabled: Arc<Enabled>,
}

impl GeobaseService {
    /// Reads the database in a file, or makes the sample, on a thread where that holds up nobody.
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
        let atlas = Atlas::new(bytes).map_err(|error| unusable(file.unwrap_or(Path::new(SAMPLE)), &error))?;
        atlas.announce(file);
        let (atlas, enabled) = (Arc::new(atlas), Arc::new(Enabled::new(store)));
        Ok(Self { atlas, zones: Zones::new(), enabled })
    }

    /// Returns the position of a region, which must be known.
    fn find(&self, id: i32) -> Result<u32> {
        self.atlas.tree.find(id).ok_or_else(|| refused(format!("region {id} is not known")))
    }

    fn ids(&self, regions: impl IntoIterator<Item = u32>) -> Vec<i32> {
        regions.into_iter().map(|at| self.atlas.tree.id(at)).collect()
    }
}

/// Reads a file, which must have an end.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(file)?.is_file() { fs::read(file) } else { Err(io::Error::other("it is no file")) }
}

fn unusable(file: &Path, reason: &impl ToString) -> GeobaseError {
    GeobaseError { file: file.into(), reason: reason.to_string() }
}

/// Returns the error of a call that asks for what there is not.
fn refused(text: impl Into<String>) -> Error {
    errno::error(Errno::INVAL, text)
}

fn unknown_zone(name: &str) -> Error {
    refused(format!("the time zone {name:?} is not known"))
}

impl Geobase for GeobaseService {
    async fn region_id(&self, ip: &str) -> Result<i32> {
        let address = response::address(ip)?;
        let region = self.atlas.locate(address).ok_or_else(|| response::nowhere(address))?;
        Ok(self.atlas.tree.id(region))
    }

    async fn chief_region_id(&self, id: i32) -> Result<i32> {
        let chief = self.atlas.tree.region(self.find(id)?).chief;
        let chief = chief.ok_or_else(|| refused(format!("no town is known in region {id}")))?;
        Ok(self.atlas.tree.id(chief))
    }

    async fn children(&self, id: i32) -> Result<Vec<i32>> {
        Ok(self.ids(self.atlas.tree.children(self.find(id)?)))
    }

    /// An address of no known region is in none.
    async fn ip_in(&self, ip: &str, id: i32) -> Result<bool> {
        let (address, region) = (response::address(ip)?, self.find(id)?);
        Ok(self.atlas.locate(address).is_some_and(|at| self.atlas.tree.holds(region, at)))
    }

    async fn id_in(&self, id: i32, parent: i32) -> Result<bool> {
        Ok(self.atlas.tree.holds(self.find(parent)?, self.find(id)?))
    }

    async fn parent_id(&self, id: i32) -> Result<i32> {
        let parent = self.atlas.tree.parent(self.find(id)?);
        let parent = parent.ok_or_else(|| refused(format!("no region is above region {id}")))?;
        Ok(self.atlas.tree.id(parent))
    }

    async fn parents(&self, id: i32) -> Result<Vec<i32>> {
        Ok(self.ids(self.atlas.tree.parents(self.find(id)?)))
    }

    async fn region_id_by_location(&self, latitude: f64, longitude: f64) -> Result<i32> {
        let (at, _) = response::nearest(&self.atlas, response::place(latitude, longitude)?)?;
        Ok(self.atlas.tree.id(at))
    }

    async fn subtree(&self, id: i32) -> Result<Vec<i32>> {
        Ok(self.ids(self.atlas.tree.subtree(self.find(id)?)))
    }

    async fn supported_linguistics(&self) -> Result<Vec<String>> {
        Ok(self.atlas.tree.languages().iter().map(ToString::to_string).collect())
    }

    async fn timezone_name(&self, id: i32) -> Result<String> {
        let zone = self.atlas.tree.zone(self.find(id)?);
        zone.map(str::to_owned).ok_or_else(|| refused(format!("region {id} has no time zone of its own")))
    }

    async fn timezone(&self, name: &str) -> Result<Timezone> {
        self.zones.now(name).ok_or_else(|| unknown_zone(name))
    }

    async fn timezone_for_time(&self, name: &str, time: i64) -> Result<Timezone> {
        self.zones.at(name, time).ok_or_else(|| unknown_zone(name))?.map_err(refused)
    }

    /// The database knows one form of a name.
    async fn linguistics_for_region(&self, id: i32, lang: &str) -> Result<Vec<String>> {
        let region = self.find(id)?;
        if self.atlas.tree.languages().iter().all(|known| **known != *lang) {
            return Err(refused(format!("no region has a name in the language {lang:?}")));
        }
        let names = self.atlas.tree.names(region).filter(|(language, _)| *language == lang);
        Ok(names.map(|(_, name)| name.to_owned()).collect())
    }

    async fn get_services(&self, id: i32) -> Result<Vec<String>> {
        self.find(id)?;
        self.enabled.get(id)
    }

    async fn have_service(&self, id: i32, service: &str) -> Result<bool> {
        self.find(id)?;
        Ok(self.enabled.get(id)?.iter().any(|known| known == service))
    }

    async fn set_service(&self, id: i32, service: &str, enabled: bool) -> Result<()> {
        self.find(id)?;
        self.enabled.set(id, service, enabled).await
    }

    async fn parent(&self, id: i32) -> Result<i32> {
        self.parent_id(id).await
    }

    async fn coordinates(&self, id: i32) -> Result<Vec<f64>> {
        let place = self.atlas.tree.region(self.find(id)?).place;
        let place =
            place.ok_or_else(|| refused(format!("where region {id} is, the database does not tell")))?;
        Ok(vec![place.latitude, place.longitude])
    }

    /// Each name once, in the order of their languages.
    async fn names(&self, id: i32) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for (_, name) in self.atlas.tree.names(self.find(id)?) {
            if names.iter().all(|known| known != name) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    async fn codes(&self, id: i32) -> Result<Vec<String>> {
        let code = &self.atlas.tree.region(self.find(id)?).code;
        Ok(code.iter().map(ToString::to_string).collect())
    }

    async fn region_data(&self, id: i32) -> Result<Value> {
        let (region, services) = (self.find(id)?, self.enabled.get(id)?);
        Ok(response::region(&self.atlas.tree, region, services))
    }

    async fn pinpoint_geolocation(&self, request: &BTreeMap<String, String>) -> Result<Value> {
        response::origin(&self.atlas, request)
    }

    async fn region_ids_by_name(&self, name: &str, max: i32) -> Result<Vec<i32>> {
        let max = usize::try_from(max).unwrap_or(0).min(FOUND);
        Ok(self.ids(self.atlas.names.find(name, max)))
    }
}
