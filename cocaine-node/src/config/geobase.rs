//! The section `geobase`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::setting::section;

section! {
    /// The section `geobase` of the configuration.
    #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct GeobaseConfig {
        /// The database of regions: a file in the format of `MaxMind`, of cities or countries.
        #[setting(
            example = "'/var/lib/cocaine/cities.mmdb'",
            unset = "a sample with the address ranges of documentation",
            option = "--geobase"
        )]
        pub database: Option<PathBuf>,
    }
}
