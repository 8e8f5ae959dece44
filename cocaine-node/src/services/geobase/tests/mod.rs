//! Databases built for a test, and their indexes.

mod damage;
mod own_ids;
mod service;
mod tree;

use super::{
    mmdb::{MmdbMetadata, MmdbValue, MmdbWriter},
    region_index::{LoadError, RegionIndex},
};

const METADATA: MmdbMetadata<'_> =
    MmdbMetadata { kind: "Test-City", languages: &["en"], description: "Of tests", built: 0 };

/// A region of a record: its kind, number (0: none), and names by language.
type TestRegion<'a> = (&'a str, u32, &'a [(&'a str, &'a str)]);

/// A record and its networks.
#[derive(Clone, Default)]
struct TestNetwork<'a> {
    networks: &'a [&'a str],
    areas: &'a [TestRegion<'a>],
    place: Option<(f64, f64)>,
    zone: Option<&'a str>,
}

fn area<'a>((_, id, names): &TestRegion<'a>) -> MmdbValue<'a> {
    let names = names.iter().map(|(language, name)| (*language, MmdbValue::Text(name))).collect();
    let mut entries = vec![("names", MmdbValue::Map(names))];
    entries.extend((*id != 0).then_some(("geoname_id", MmdbValue::U32(*id))));
    MmdbValue::Map(entries)
}

fn record<'a>(entry: &TestNetwork<'a>) -> MmdbValue<'a> {
    let is_subdivision = |area: &&TestRegion<'_>| area.0 == "subdivision";
    let mut entries: Vec<_> =
        entry.areas.iter().filter(|each| !is_subdivision(each)).map(|each| (each.0, area(each))).collect();
    let subdivisions = entry.areas.iter().filter(is_subdivision).map(area).collect();
    entries.push(("subdivisions", MmdbValue::List(subdivisions)));
    let mut location = Vec::new();
    if let Some((latitude, longitude)) = entry.place {
        location
            .extend([("latitude", MmdbValue::Double(latitude)), ("longitude", MmdbValue::Double(longitude))]);
    }
    location.extend(entry.zone.map(|zone| ("time_zone", MmdbValue::Text(zone))));
    entries.push(("location", MmdbValue::Map(location)));
    MmdbValue::Map(entries)
}

fn database(entries: &[TestNetwork<'_>]) -> Vec<u8> {
    let mut writer = MmdbWriter::new();
    for entry in entries {
        let value = writer.value(&record(entry));
        for network in entry.networks {
            let (address, length) = network.split_once('/').unwrap();
            writer.network(address.parse().unwrap(), length.parse().unwrap(), value);
        }
    }
    writer.finish(METADATA)
}

fn index(entries: &[TestNetwork<'_>]) -> RegionIndex {
    RegionIndex::new(database(entries)).unwrap()
}

fn refusal(entries: &[TestNetwork<'_>]) -> LoadError {
    RegionIndex::new(database(entries)).unwrap_err()
}

fn sample() -> RegionIndex {
    RegionIndex::new(super::sample::database()).unwrap()
}

impl RegionIndex {
    fn at(&self, id: i32) -> u32 {
        self.tree.find(id).unwrap()
    }

    fn ids(&self, regions: impl IntoIterator<Item = u32>) -> Vec<i32> {
        regions.into_iter().map(|at| self.tree.id(at)).collect()
    }

    fn parents(&self, id: i32) -> Vec<i32> {
        self.ids(self.tree.parents(self.at(id)))
    }

    fn children(&self, id: i32) -> Vec<i32> {
        self.ids(self.tree.children(self.at(id)))
    }

    fn named(&self, name: &str, max: usize) -> Vec<i32> {
        self.ids(self.names.find(name, max))
    }
}
