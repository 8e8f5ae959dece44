//! Routing groups: names that stand for several services, one of which is chosen for each `resolve`.

mod continuum;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

pub(crate) use continuum::Continuum;

/// The collection of the stored groups.
pub(crate) const GROUP_COLLECTION: &str = "groups";
/// The tags of the groups that are active.
pub(crate) const GROUP_TAGS: &[&str] = &["group", "active"];

/// All groups as routers get them: the points on each group's ring, with the member that owns each.
pub(crate) type RoutingTable = BTreeMap<String, Vec<(u32, String)>>;

/// Why a group cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GroupError {
    /// It has no positive weight or too many members, or cannot be read from storage.
    #[error("routing storage is unavailable")]
    Unavailable,
    /// The stored bytes end too early.
    #[error("insufficient bytes")]
    Truncated,
    /// The stored bytes are not `MessagePack`.
    #[error("parse error")]
    Malformed,
    /// The stored value is not a map of members to weights.
    #[error(
        "std::bad_cast; a routing group, in the collection `groups`, must be a map of app names to weights"
    )]
    WrongType,
}

/// The loaded groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoutingGroups(BTreeMap<String, Arc<Continuum>>);

impl RoutingGroups {
    /// Returns the groups with those in `names` loaded again. `load` returns the stored bytes of a group, `None` if it
    /// no longer exists. If one of them cannot be used, the whole refresh fails.
    pub(crate) fn reload<B: AsRef<[u8]>>(
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

    /// Returns whether there is a group of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Adds or replaces a group, given its stored bytes.
    pub(crate) fn insert(&mut self, name: &str, blob: &[u8]) -> Result<(), GroupError> {
        self.0.insert(name.to_owned(), Arc::new(Continuum::new(&parse_weights(blob)?)?));
        Ok(())
    }

    /// Returns the member that a group resolves to, or `name` itself if it is not a group. An empty seed counts as none.
    pub(crate) fn resolve<'a>(&'a self, name: &'a str, seed: Option<&str>) -> &'a str {
        match (self.0.get(name), seed) {
            (None, _) => name,
            (Some(group), None | Some("")) => group.random_member(),
            (Some(group), Some(seed)) => group.member_for_seed(seed),
        }
    }

    /// Returns the routing table of all groups.
    pub(crate) fn table(&self) -> RoutingTable {
        let points =
            |group: &Continuum| group.points().map(|(point, member)| (point, member.to_owned())).collect();
        self.0.iter().map(|(name, group)| (name.clone(), points(group))).collect()
    }
}

/// Parses the stored bytes of a group. Bytes after the map are ignored, as by the original.
fn parse_weights(blob: &[u8]) -> Result<BTreeMap<String, u32>, GroupError> {
    use rmp_serde::decode::Error::{InvalidDataRead, InvalidMarkerRead};
    match rmp_serde::from_slice::<IgnoredAny>(blob) {
        Err(InvalidMarkerRead(_) | InvalidDataRead(_)) => return Err(GroupError::Truncated),
        Err(_) => return Err(GroupError::Malformed),
        Ok(_) => {}
    }
    rmp_serde::from_slice::<Weights>(blob).map(|weights| weights.0).map_err(|_| GroupError::WrongType)
}

/// Members and their weights. Of two members with one name the first counts.
struct Weights(BTreeMap<String, u32>);

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WeightsVisitor;
        impl<'de> Visitor<'de> for WeightsVisitor {
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
        deserializer.deserialize_map(WeightsVisitor)
    }
}
