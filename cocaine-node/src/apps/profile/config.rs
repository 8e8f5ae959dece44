//! What an app is started with.

use cocaine::Result;

use super::{Profile, manifest::Manifest, stored};
use crate::store::Store;

/// The configuration of an app, as it was stored when the app started.
#[derive(Debug)]
pub(crate) struct AppConfig {
    pub(crate) app: String,
    /// 0, or a number that no other generation of apps in this process has.
    pub(crate) generation: u64,
    pub(crate) profile_name: String,
    pub(crate) profile: Profile,
    pub(crate) manifest: Manifest,
}

impl AppConfig {
    /// Reads the profile and then the manifest, as the original does (`node.md` 6).
    pub(crate) fn load(store: &Store, app: &str, profile_name: &str) -> Result<Self> {
        let profile = Profile::read(&stored::load(store, "profiles", profile_name)?)?;
        let manifest = Manifest::read(&stored::load(store, "manifests", app)?)?;
        profile.isolate.check()?;
        Ok(Self {
            app: app.to_owned(),
            generation: 0,
            profile_name: profile_name.to_owned(),
            profile,
            manifest,
        })
    }
}
