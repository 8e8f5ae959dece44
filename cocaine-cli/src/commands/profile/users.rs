//! Who uses a profile.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Profiles;
use crate::{
    error::Result,
    node_apps::NodeApps,
    records::{RecordKind, Records},
};

/// Who uses a profile.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Users {
    /// The apps of the node that were started with it.
    pub(super) apps: Vec<String>,
    /// The entries of runlists that name it, as `RUNLIST/APP`.
    pub(super) runlists: Vec<String>,
}

impl Users {
    /// Returns who uses it, in words; `None` if nobody does.
    pub(super) fn text(&self) -> Option<String> {
        let part = |verb: &str, names: &[String]| {
            (!names.is_empty()).then(|| format!("{verb} {}", names.join(", ")))
        };
        let parts = [part("runs", &self.apps), part("is in the runlists as", &self.runlists)];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", and "))
    }
}

impl Profiles<'_> {
    /// Returns who uses each profile. A node that does not say it, and runlists that cannot be read, are warned of.
    pub(super) async fn users(&self) -> Result<BTreeMap<String, Users>> {
        let warn = |error| self.environment.output.warn(error);
        let mut users: BTreeMap<String, Users> = BTreeMap::new();
        let apps = async { NodeApps::connect(&self.cloud, self.environment, self.limit).await?.all().await };
        match apps.await {
            Ok(apps) => {
                for (app, info) in &apps {
                    if let Some(profile) = info.profile() {
                        users.entry(profile.to_owned()).or_default().apps.push(app.clone());
                    }
                }
            }
            Err(error) => warn(error),
        }
        for (runlist, entries) in Records::new(&self.storage, RecordKind::RUNLIST, self.limit).all().await? {
            match entries {
                Ok(entries) => {
                    for (app, profile) in &entries {
                        let profile = profile.as_str().unwrap_or_default().to_owned();
                        users.entry(profile).or_default().runlists.push(format!("{runlist}/{app}"));
                    }
                }
                Err(error) => warn(error),
            }
        }
        Ok(users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_in_words() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (apps, runlists, text) in [
            (&[][..], &[][..], None),
            (&["shop", "links"], &[], Some("runs shop, links")),
            (&["shop"], &["main/shop"], Some("runs shop, and is in the runlists as main/shop")),
        ] {
            let users = Users { apps: names(apps), runlists: names(runlists) };
            assert_eq!(users.text().as_deref(), text);
        }
    }
}
