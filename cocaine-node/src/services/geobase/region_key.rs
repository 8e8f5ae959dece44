//! What a region is known by: its `GeoNames` id, or what its record says of it where there is none.
//!
//! Some databases number only a part of their regions, or none. Their regions have ids of our own in a range that
//! `GeoNames`, whose ids have reached 13 million, does not come near to. Such an id is made of the codes or names of
//! the country, of the subdivisions, and of the region itself, so that it is the same after a restart, in another
//! release of the database, and in the database of another maker who writes the names alike. Neither the order of the
//! networks nor the continent has an influence.

use std::collections::HashSet;

use md5::{Digest, Md5};

use super::{network_record::NamedRegion, region::RegionKind};

/// The lowest of our own ids.
pub(super) const FIRST_OWN_ID: i32 = 1 << 30;
/// The number of bits in which our own ids differ.
const OWN_ID_BITS: u32 = 30;

/// What distinguishes a region from all others of its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum RegionKey {
    /// The `GeoNames` id.
    Geoname(i32),
    /// The hash of the codes and names that lead to the region.
    Path(u64),
}

/// The regions of one record, from the country to the smallest, as they are added.
#[derive(Clone, Debug, Default)]
pub(super) struct RegionPath(Md5);

impl RegionPath {
    /// Adds a region, and returns its key. A region that has neither an id nor a code nor a name has none.
    pub(super) fn add(&mut self, kind: RegionKind, region: &NamedRegion<'_>) -> Option<RegionKey> {
        let geoname_id = region.geoname_id();
        // The code comes first: it changes less often than the spelling of a name.
        let label = match (region.code(), region.main_name()) {
            (Some(code), _) => format!("code {code}"),
            (None, Some(name)) => format!("name {name}"),
            (None, None) => format!("id {}", geoname_id?),
        };
        let mut path = if kind == RegionKind::Continent { Md5::new() } else { self.0.clone() };
        let length = u64::try_from(label.len()).unwrap_or(u64::MAX);
        path.update(kind.name());
        path.update(length.to_be_bytes());
        path.update(label);
        if kind != RegionKind::Continent {
            self.0 = path.clone();
        }
        let hash: [u8; 16] = path.finalize().into();
        let (first, _) = hash.split_first_chunk()?;
        Some(geoname_id.map_or(RegionKey::Path(u64::from_be_bytes(*first)), RegionKey::Geoname))
    }
}

/// Returns the id of each key, in the order of the keys.
///
/// If the ids of two hashes meet, the region with the lower hash has it, and the other one the next that is free.
pub(super) fn assign_ids(keys: &[RegionKey]) -> Vec<i32> {
    let geoname_id = |key: &RegionKey| if let RegionKey::Geoname(id) = key { Some(*id) } else { None };
    let mut taken: HashSet<i32> = keys.iter().filter_map(geoname_id).collect();
    let mut ids: Vec<i32> = keys.iter().map(|key| geoname_id(key).unwrap_or_default()).collect();
    let mut hashes: Vec<(u64, usize)> = (keys.iter().enumerate())
        .filter_map(|(at, key)| if let RegionKey::Path(hash) = key { Some((*hash, at)) } else { None })
        .collect();
    hashes.sort_unstable();
    for (hash, at) in hashes {
        // A database has far fewer regions than there are ids.
        ids[at] = (0..1 << OWN_ID_BITS)
            .map(|step| own_id(hash, step))
            .find(|id| taken.insert(*id))
            .unwrap_or_default();
    }
    ids
}

/// Returns our own id for a hash, or the one `step` places behind it.
fn own_id(hash: u64, step: u64) -> i32 {
    let number = (hash >> (u64::BITS - OWN_ID_BITS)).wrapping_add(step) % (1 << OWN_ID_BITS);
    FIRST_OWN_ID | i32::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the keys of the regions of a record: their kinds, and the records of the regions in JSON.
    fn keys(regions: &[(RegionKind, &str)]) -> Vec<Option<RegionKey>> {
        let mut path = RegionPath::default();
        regions.iter().map(|(kind, region)| path.add(*kind, &serde_json::from_str(region).unwrap())).collect()
    }

    fn smallest(regions: &[(RegionKind, &str)]) -> RegionKey {
        keys(regions).pop().flatten().unwrap()
    }

    const FRANCE: (RegionKind, &str) =
        (RegionKind::Country, r#"{"geoname_id": 3017382, "iso_code": "FR", "names": {"en": "France"}}"#);
    const PARIS: (RegionKind, &str) = (RegionKind::City, r#"{"names": {"de": "Paris (D)", "en": "Paris"}}"#);

    /// Ids are stored, and written into the programs of others: this must not change.
    #[test]
    fn own_ids_are_those_of_former_releases() {
        let subdivision = (RegionKind::Subdivision(0), r#"{"names": {"en": "Ile-de-France"}}"#);
        let ids = assign_ids(&[
            smallest(&[FRANCE, PARIS]),
            smallest(&[FRANCE, subdivision, PARIS]),
            smallest(&[(RegionKind::Continent, r#"{"code": "EU"}"#)]),
        ]);
        assert_eq!(ids, [1_967_601_171, 1_494_965_298, 1_306_159_197]);
    }

    #[test]
    fn key_ignores_what_changes_between_releases() {
        let expected = smallest(&[FRANCE, PARIS]);
        let europe = (RegionKind::Continent, r#"{"code": "EU", "names": {"en": "Europe"}}"#);
        let country = |text| (RegionKind::Country, text);
        for path in [
            [europe, FRANCE, PARIS],
            // No id, another name, and another language beside English.
            [europe, country(r#"{"iso_code": "FR"}"#), PARIS],
            [europe, country(r#"{"geoname_id": 0, "iso_code": "FR", "names": {"en": "La France"}}"#), PARIS],
            [
                europe,
                FRANCE,
                (RegionKind::City, r#"{"geoname_id": 0, "names": {"en": "Paris", "ru": "Париж"}}"#),
            ],
        ] {
            assert_eq!(smallest(&path), expected, "{path:?}");
        }
        let texas = (RegionKind::Country, r#"{"iso_code": "US"}"#);
        assert_ne!(smallest(&[texas, PARIS]), expected);
        assert_ne!(smallest(&[FRANCE, (RegionKind::Subdivision(0), PARIS.1)]), expected);
    }

    #[test]
    fn region_without_id_and_name_has_no_key() {
        let nameless = (RegionKind::City, r#"{"names": {"en": ""}, "iso_code": ""}"#);
        assert_eq!(keys(&[FRANCE, nameless]), [Some(RegionKey::Geoname(3_017_382)), None]);
    }

    #[test]
    fn equal_ids_are_resolved_in_any_order() {
        let (low, high) = (RegionKey::Path(7 << 34), RegionKey::Path(7 << 34 | 1));
        let (taken, last) = (RegionKey::Geoname(FIRST_OWN_ID + 7), RegionKey::Path(u64::MAX));
        assert_eq!(assign_ids(&[low, high]), [FIRST_OWN_ID + 7, FIRST_OWN_ID + 8]);
        assert_eq!(assign_ids(&[high, low]), [FIRST_OWN_ID + 8, FIRST_OWN_ID + 7]);
        assert_eq!(assign_ids(&[high, taken]), [FIRST_OWN_ID + 8, FIRST_OWN_ID + 7]);
        assert_eq!(assign_ids(&[last, RegionKey::Geoname(i32::MAX)]), [FIRST_OWN_ID, i32::MAX]);
    }
}
