//! Routing groups: names that stand for several services, one of which is chosen for each call.

mod continuum;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

pub use continuum::Continuum;

/// Where groups are stored.
pub const GROUP_COLLECTION: &str = "groups";
/// What marks those that count.
pub const GROUP_TAGS: &[&str] = &["group", "active"];

/// All groups as a router is told of them: points on the ring, and the member that owns each.
pub type RoutingTable = BTreeMap<String, Vec<(u32, String)>>;

/// Why a group cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// It has no positive weight or too many members, or storage does not give it out.
    #[error("routing storage is unavailable")]
    Unavailable,
    /// What is stored ends too early.
    #[error("insufficient bytes")]
    Truncated,
    /// What is stored is not `MessagePack`.
    #[error("parse error")]
    Malformed,
    /// What is stored is not a map of members to weights.
    #[error("std::bad_cast")]
    WrongType,
}

/// All groups that were loaded.
#[derive(Clone, Debug, Default)]
pub struct RoutingGroups(BTreeMap<String, Arc<Continuum>>);

impl RoutingGroups {
    /// Returns the groups after those in `names` were loaded again: `load` gives what is stored of one, `None` if it
    /// is no longer there. If one cannot be used, none has changed.
    pub fn refreshed<B: AsRef<[u8]>>(
        &self,
        names: &[impl AsRef<str>],
        mut load: impl FnMut(&str) -> Result<Option<B>, GroupError>,
    ) -> Result<Self, GroupError> {
        let mut groups = self.clone();
        for name in names.iter().map(AsRef::as_ref) {
            match load(name)? {
                Some(blob) => groups.insert(name, blob.as_ref())?,
                None => drop(groups.0.remove(name)),
            }
        }
        Ok(groups)
    }

    /// Adds or replaces the group that `blob` describes.
    pub fn insert(&mut self, name: &str, blob: &[u8]) -> Result<(), GroupError> {
        self.0.insert(name.to_owned(), Arc::new(Continuum::new(&weights(blob)?)?));
        Ok(())
    }

    /// Returns the service that `name` stands for now: itself, unless it is a group. An empty seed is none.
    pub fn choose<'a>(&'a self, name: &'a str, seed: Option<&str>) -> &'a str {
        match (self.0.get(name), seed) {
            (None, _) => name,
            (Some(group), None | Some("")) => group.random(),
            (Some(group), Some(seed)) => group.seeded(seed),
        }
    }

    /// Returns the rings of all groups.
    pub fn table(&self) -> RoutingTable {
        let points =
            |group: &Continuum| group.points().map(|(point, member)| (point, member.to_owned())).collect();
        self.0.iter().map(|(name, group)| (name.clone(), points(group))).collect()
    }
}

/// Reads what is stored of a group. Bytes after the map are ignored, as by the original.
fn weights(blob: &[u8]) -> Result<BTreeMap<String, u32>, GroupError> {
    use rmp_serde::decode::Error::{InvalidDataRead, InvalidMarkerRead};
    match rmp_serde::from_slice::<IgnoredAny>(blob) {
        Err(InvalidMarkerRead(_) | InvalidDataRead(_)) => return Err(GroupError::Truncated),
        Err(_) => return Err(GroupError::Malformed),
        Ok(_) => {}
    }
    rmp_serde::from_slice::<Weights>(blob).map(|weights| weights.0).map_err(|_| GroupError::WrongType)
}

/// Members and their weights; of two with one name the first counts.
struct Weights(BTreeMap<String, u32>);

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Weights;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of members to weights")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Weights, A::Error> {
                let mut weights = BTreeMap::new();
                while let Some((member, weight)) = map.next_entry()? {
                    weights.entry(member).or_insert(weight);
                }
                Ok(Weights(weights))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
