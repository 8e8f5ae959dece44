//! What an app is started with.

use cocaine::Result;

use super::{Profile, manifest::Manifest, stored, unused_keys};
use crate::{errno::append_text, store::Store};

/// The configuration of an app, as it was stored when the app started.
#[derive(Debug)]
pub(crate) struct AppConfig {
    pub(crate) app: String,
    /// 0, or a number that no other generation of apps in this process has.
    pub(crate) generation: u64,
    pub(crate) profile_name: String,
    pub(crate) profile: Profile,
    pub(crate) manifest: Manifest,
    /// What in them is probably a mistake.
    pub(crate) warnings: Vec<String>,
}

impl AppConfig {
    /// Reads the profile and then the manifest, as the original does (`node.md` 6). Probable mistakes in them are logged.
    pub(crate) fn load(store: &Store, app: &str, profile_name: &str) -> Result<Self> {
        let blob = stored::load(store, "profiles", profile_name)?;
        let in_profile = |error| append_text(error, &format!("stored as profiles/{profile_name}"));
        let profile = Profile::read(&blob).map_err(in_profile)?;
        let blob = stored::load(store, "manifests", app)?;
        let manifest = Manifest::read(&blob)
            .map_err(|error| append_text(error, &format!("stored as manifests/{app}")))?;
        profile.isolate.check().map_err(in_profile)?;
        let profile_warnings = unused_keys::check_profile(&profile.raw, profile_name);
        let manifest_warnings = unused_keys::check_manifest(&manifest.raw, app);
        let warnings: Vec<_> = profile_warnings.into_iter().chain(manifest_warnings).collect();
        for warning in &warnings {
            tracing::warn!(app, warning, "an app is started with a probable mistake");
        }
        Ok(Self {
            app: app.to_owned(),
            generation: 0,
            profile_name: profile_name.to_owned(),
            profile,
            manifest,
            warnings,
        })
    }
}
