//! The database that a node serves by default: it places the address ranges reserved for documentation (RFC 5737,
//! RFC 3849) in some of the world's cities.
//!
//! The regions are real, with their numbers, names, coordinates and time zones as in `GeoNames`.

mod regions;

use std::net::IpAddr;

use super::mmdb::{MmdbMetadata, MmdbValue, MmdbWriter, ValueOffset};

/// The languages of the names, in the order of [`SampleRegion::names`].
const LANGUAGES: [&str; 5] = ["de", "en", "fr", "ja", "ru"];

const METADATA: MmdbMetadata<'_> = MmdbMetadata {
    kind: "Cocaine-Sample-City",
    languages: &LANGUAGES,
    description: "The address ranges of documentation, for the first steps",
    built: 1_767_225_600,
};

/// A region of the sample.
struct SampleRegion {
    id: u32,
    code: Option<&'static str>,
    names: [&'static str; LANGUAGES.len()],
}

/// Networks and their location.
struct SampleNetwork {
    networks: &'static [(&'static str, u8)],
    continent: &'static SampleRegion,
    country: &'static SampleRegion,
    subdivisions: &'static [&'static SampleRegion],
    city: Option<&'static SampleRegion>,
    postal: Option<&'static str>,
    location: SampleLocation,
}

/// Coordinates in degrees, with the accuracy radius in kilometres.
struct SampleLocation {
    latitude: f64,
    longitude: f64,
    radius: u16,
    zone: Option<&'static str>,
}

/// Returns the sample as a database file.
pub(super) fn database() -> Vec<u8> {
    let mut writer = MmdbWriter::new();
    for sample in regions::NETWORKS {
        let value = write_record(sample, &mut writer);
        for (address, length) in sample.networks {
            let address: IpAddr = address.parse().expect("the addresses of the sample are well-formed");
            writer.network(address, *length, value);
        }
    }
    writer.finish(METADATA)
}

fn write_record(network: &SampleNetwork, writer: &mut MmdbWriter) -> ValueOffset {
    let mut entries = vec![
        ("continent", MmdbValue::Pointer(write_region(network.continent, "code", writer))),
        ("country", MmdbValue::Pointer(write_region(network.country, "iso_code", writer))),
    ];
    if let Some(city) = network.city {
        entries.push(("city", MmdbValue::Pointer(write_region(city, "iso_code", writer))));
    }
    if !network.subdivisions.is_empty() {
        let subdivisions = network
            .subdivisions
            .iter()
            .map(|each| MmdbValue::Pointer(write_region(each, "iso_code", writer)));
        entries.push(("subdivisions", MmdbValue::List(subdivisions.collect())));
    }
    if let Some(code) = network.postal {
        entries.push(("postal", MmdbValue::Map(vec![("code", MmdbValue::Text(code))])));
    }
    entries.push(("location", location_value(&network.location)));
    writer.value(&MmdbValue::Map(entries))
}

fn write_region(region: &SampleRegion, code: &'static str, writer: &mut MmdbWriter) -> ValueOffset {
    let names = LANGUAGES.into_iter().zip(region.names.map(MmdbValue::Text)).collect();
    let mut entries = vec![("geoname_id", MmdbValue::U32(region.id)), ("names", MmdbValue::Map(names))];
    entries.extend(region.code.map(|value| (code, MmdbValue::Text(value))));
    writer.value(&MmdbValue::Map(entries))
}

fn location_value(location: &SampleLocation) -> MmdbValue<'static> {
    let mut entries = vec![
        ("accuracy_radius", MmdbValue::U16(location.radius)),
        ("latitude", MmdbValue::Double(location.latitude)),
        ("longitude", MmdbValue::Double(location.longitude)),
    ];
    entries.extend(location.zone.map(|zone| ("time_zone", MmdbValue::Text(zone))));
    MmdbValue::Map(entries)
}

#[cfg(test)]
mod tests {
    use maxminddb::{Reader, geoip2::City};

    #[test]
    fn sample_is_a_city_database() {
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
    fn every_documentation_address_has_a_location() {
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
