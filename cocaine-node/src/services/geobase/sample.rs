//! The database that a node serves when it is given none: the address ranges set aside for documentation (RFC 5737,
//! RFC 3849), as if they were in some of the world's towns.
//!
//! The regions are real, with their numbers, names, places and time zones as in `GeoNames`.

mod regions;

use std::net::IpAddr;

use super::mmdb::{About, Item, Offset, Writer};

/// The languages of the names, in the order of [`Area::names`].
const LANGUAGES: [&str; 5] = ["de", "en", "fr", "ja", "ru"];

const ABOUT: About<'_> = About {
    kind: "Cocaine-Sample-City",
    languages: &LANGUAGES,
    description: "The address ranges of documentation, for the first steps",
    built: 1_767_225_600,
};

/// A region.
struct Area {
    id: u32,
    code: Option<&'static str>,
    names: [&'static str; LANGUAGES.len()],
}

/// Where addresses are.
struct Spot {
    networks: &'static [(&'static str, u8)],
    continent: &'static Area,
    country: &'static Area,
    subdivisions: &'static [&'static Area],
    city: Option<&'static Area>,
    postal: Option<&'static str>,
    place: Point,
}

/// The middle of a spot, in degrees, and how far around it the addresses may be, in kilometres.
struct Point {
    latitude: f64,
    longitude: f64,
    radius: u16,
    zone: Option<&'static str>,
}

/// Returns the file.
pub(super) fn database() -> Vec<u8> {
    let mut writer = Writer::new();
    for spot in regions::SPOTS {
        let value = write(spot, &mut writer);
        for (address, length) in spot.networks {
            let address: IpAddr = address.parse().expect("the addresses of the sample are well-formed");
            writer.network(address, *length, value);
        }
    }
    writer.finish(ABOUT)
}

fn write(spot: &Spot, writer: &mut Writer) -> Offset {
    let mut entries = vec![
        ("continent", Item::Known(area(spot.continent, "code", writer))),
        ("country", Item::Known(area(spot.country, "iso_code", writer))),
    ];
    if let Some(city) = spot.city {
        entries.push(("city", Item::Known(area(city, "iso_code", writer))));
    }
    if !spot.subdivisions.is_empty() {
        let subdivisions = spot.subdivisions.iter().map(|each| Item::Known(area(each, "iso_code", writer)));
        entries.push(("subdivisions", Item::List(subdivisions.collect())));
    }
    if let Some(code) = spot.postal {
        entries.push(("postal", Item::Map(vec![("code", Item::Text(code))])));
    }
    entries.push(("location", point(&spot.place)));
    writer.value(&Item::Map(entries))
}

fn area(area: &Area, code: &'static str, writer: &mut Writer) -> Offset {
    let names = LANGUAGES.into_iter().zip(area.names.map(Item::Text)).collect();
    let mut entries = vec![("geoname_id", Item::Number(area.id)), ("names", Item::Map(names))];
    entries.extend(area.code.map(|value| (code, Item::Text(value))));
    writer.value(&Item::Map(entries))
}

fn point(point: &Point) -> Item<'static> {
    let mut entries = vec![
        ("accuracy_radius", Item::Small(point.radius)),
        ("latitude", Item::Double(point.latitude)),
        ("longitude", Item::Double(point.longitude)),
    ];
    entries.extend(point.zone.map(|zone| ("time_zone", Item::Text(zone))));
    Item::Map(entries)
}

#[cfg(test)]
mod tests {
    use maxminddb::{Reader, geoip2::City};

    #[test]
    fn it_is_a_database_of_cities() {
        let reader = Reader::from_source(super::database()).unwrap();
        reader.verify().unwrap();
        assert_eq!(reader.metadata().languages, super::LANGUAGES);
        for (address, id, name) in [
            ("192.0.2.1", 524_901, "Moscow"),
            ("198.51.100.7", 2_643_743, "London"),
            ("203.0.113.1", 1_850_147, "Tokyo"),
            ("2001:db8::1", 524_901, "Moscow"),
        ] {
            let found = reader.lookup(address.parse().unwrap()).unwrap();
            let record: City<'_> = found.decode().unwrap().unwrap();
            assert_eq!((record.city.geoname_id, record.city.names.english), (Some(id), Some(name)));
        }
        assert!(!reader.lookup("192.0.3.0".parse().unwrap()).unwrap().has_data());
    }

    #[test]
    fn all_of_the_ranges_are_somewhere() {
        let reader = Reader::from_source(super::database()).unwrap();
        for network in ["192.0.2", "198.51.100", "203.0.113"] {
            for host in 0..=255 {
                let address = format!("{network}.{host}").parse().unwrap();
                assert!(reader.lookup(address).unwrap().has_data(), "{address}");
            }
        }
        for host in 0..=0xff {
            let address = format!("2001:db8:{host:02x}00::1").parse().unwrap();
            assert!(reader.lookup(address).unwrap().has_data(), "{address}");
        }
    }
}
