//! The record that a database has for a network, as far as regions are concerned.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use super::{
    coordinates::Coordinates,
    region::{EARTH, RegionKind},
};

/// Levels of nested subdivisions that are read; deeper ones are ignored.
const SUBDIVISIONS: u8 = 32;

/// The record of a network. `P` is the part of each region that is decoded.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "P: Deserialize<'de>"))]
pub(super) struct NetworkRecord<'a, P> {
    continent: Option<P>,
    country: Option<P>,
    #[serde(default = "Vec::new")]
    subdivisions: Vec<P>,
    city: Option<P>,
    #[serde(borrow)]
    pub(super) location: Option<Location<'a>>,
    #[serde(borrow)]
    pub(super) postal: Option<Postal<'a>>,
}

/// A part of a region that includes its number.
pub(super) trait HasGeonameId {
    fn geoname_id(&self) -> Option<u32>;
}

/// A region of which only the number is decoded.
#[derive(Debug, Deserialize)]
pub(super) struct RegionId {
    geoname_id: Option<u32>,
}

/// A region with its names and code.
#[derive(Debug, Deserialize)]
pub(super) struct NamedRegion<'a> {
    geoname_id: Option<u32>,
    #[serde(borrow, default)]
    pub(super) names: BTreeMap<&'a str, &'a str>,
    code: Option<&'a str>,
    iso_code: Option<&'a str>,
}

impl NamedRegion<'_> {
    /// Returns the code: `iso_code` of countries and subdivisions, `code` of continents.
    pub(super) fn code(&self) -> Option<&str> {
        self.iso_code.or(self.code)
    }
}

impl HasGeonameId for RegionId {
    fn geoname_id(&self) -> Option<u32> {
        self.geoname_id
    }
}

impl HasGeonameId for NamedRegion<'_> {
    fn geoname_id(&self) -> Option<u32> {
        self.geoname_id
    }
}

/// Where the addresses of a network are.
#[derive(Debug, Deserialize)]
pub(super) struct Location<'a> {
    latitude: Option<Number>,
    longitude: Option<Number>,
    accuracy_radius: Option<Number>,
    pub(super) time_zone: Option<&'a str>,
}

impl Location<'_> {
    /// Returns the coordinates, if both are present and valid.
    pub(super) fn coordinates(&self) -> Option<Coordinates> {
        let (Number(latitude), Number(longitude)) = (self.latitude?, self.longitude?);
        Coordinates::new(latitude, longitude)
    }

    /// Returns the accuracy radius in kilometres.
    pub(super) fn radius(&self) -> Option<f64> {
        self.accuracy_radius.map(|Number(radius)| radius)
    }
}

/// Postal data of a network.
#[derive(Debug, Deserialize)]
pub(super) struct Postal<'a> {
    pub(super) code: Option<&'a str>,
}

/// A number of any type: the makers of databases disagree on which one to use.
#[derive(Clone, Copy, Debug)]
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number(value))
    }

    fn visit_i32<E: de::Error>(self, value: i32) -> Result<Number, E> {
        Ok(Number(value.into()))
    }

    fn visit_u32<E: de::Error>(self, value: u32) -> Result<Number, E> {
        Ok(Number(value.into()))
    }

    fn visit_u16<E: de::Error>(self, value: u16) -> Result<Number, E> {
        Ok(Number(value.into()))
    }
}

impl<P: HasGeonameId> NetworkRecord<'_, P> {
    /// Returns the regions that have a usable number, the largest first.
    pub(super) fn regions_by_size(&self) -> impl Iterator<Item = (RegionKind, i32, &P)> {
        let continent = self.continent.iter().map(|region| (RegionKind::Continent, region));
        let country = self.country.iter().map(|region| (RegionKind::Country, region));
        let subdivisions = (0..SUBDIVISIONS).map(RegionKind::Subdivision).zip(&self.subdivisions);
        let city = self.city.iter().map(|region| (RegionKind::City, region));
        let regions = continent.chain(country).chain(subdivisions).chain(city);
        regions.filter_map(|(kind, region)| Some((kind, usable(region.geoname_id()?)?, region)))
    }

    /// Returns the number of the smallest region.
    pub(super) fn smallest_region(&self) -> Option<i32> {
        self.regions_by_size().map(|(_, id, _)| id).last()
    }
}

/// Returns the number if a region can have it: positive as an `i32`, which the service uses, and not the earth's.
fn usable(id: u32) -> Option<i32> {
    i32::try_from(id).ok().filter(|id| *id > 0 && *id != EARTH)
}
