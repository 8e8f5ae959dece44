//! Databases made for a test, and what becomes of them.

mod damage;
mod service;
mod tree;

use super::{
    mmdb::{About, Item, Writer},
    region_index::{Atlas, Unusable},
};

const ABOUT: About<'_> = About { kind: "Test-City", languages: &["en"], description: "Of tests", built: 0 };

/// A region as a record has it: what it is, its number, and its names in languages.
type Area<'a> = (&'a str, u32, &'a [(&'a str, &'a str)]);

/// What a database says of a network.
#[derive(Clone, Default)]
struct Entry<'a> {
    networks: &'a [&'a str],
    areas: &'a [Area<'a>],
    place: Option<(f64, f64)>,
    zone: Option<&'a str>,
}

fn area<'a>((_, id, names): &Area<'a>) -> Item<'a> {
    let names = names.iter().map(|(language, name)| (*language, Item::Text(name))).collect();
    Item::Map(vec![("geoname_id", Item::Number(*id)), ("names", Item::Map(names))])
}

fn record<'a>(entry: &Entry<'a>) -> Item<'a> {
    let is_subdivision = |area: &&Area<'_>| area.0 == "subdivision";
    let mut entries: Vec<_> =
        entry.areas.iter().filter(|each| !is_subdivision(each)).map(|each| (each.0, area(each))).collect();
    let subdivisions = entry.areas.iter().filter(is_subdivision).map(area).collect();
    entries.push(("subdivisions", Item::List(subdivisions)));
    let mut location = Vec::new();
    if let Some((latitude, longitude)) = entry.place {
        location.extend([("latitude", Item::Double(latitude)), ("longitude", Item::Double(longitude))]);
    }
    location.extend(entry.zone.map(|zone| ("time_zone", Item::Text(zone))));
    entries.push(("location", Item::Map(location)));
    Item::Map(entries)
}

fn database(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut writer = Writer::new();
    for entry in entries {
        let value = writer.value(&record(entry));
        for network in entry.networks {
            let (address, length) = network.split_once('/').unwrap();
            writer.network(address.parse().unwrap(), length.parse().unwrap(), value);
        }
    }
    writer.finish(ABOUT)
}

fn atlas(entries: &[Entry<'_>]) -> Atlas {
    Atlas::new(database(entries)).unwrap()
}

fn refusal(entries: &[Entry<'_>]) -> Unusable {
    Atlas::new(database(entries)).unwrap_err()
}

fn sample() -> Atlas {
    Atlas::new(super::sample::database()).unwrap()
}

impl Atlas {
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
