//! The section `geobase`.

use std::path::PathBuf;

use serde::Deserialize;

use super::merge::overwrite;

/// The section `geobase` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct GeobaseConfig {
    /// The database of regions: a file in the format of `MaxMind`. A built-in sample.
    pub database: Option<PathBuf>,
}

impl GeobaseConfig {
    /// Overwrites every value that `newer` sets.
    pub(super) fn merge(&mut self, newer: Self) {
        let Self { database } = newer;
        overwrite(&mut self.database, database);
    }
}
