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

/// The record of a network.
#[derive(Debug, Deserialize)]
pub(super) struct NetworkRecord<'a> {
    #[serde(borrow)]
    continent: Option<NamedRegion<'a>>,
    #[serde(borrow)]
    country: Option<NamedRegion<'a>>,
    #[serde(borrow, default)]
    subdivisions: Vec<NamedRegion<'a>>,
    #[serde(borrow)]
    city: Option<NamedRegion<'a>>,
    #[serde(borrow)]
    pub(super) location: Option<Location<'a>>,
    #[serde(borrow)]
    pub(super) postal: Option<Postal<'a>>,
}

/// A region with its number, names and code, of which some databases have only one.
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
        self.iso_code.or(self.code).filter(|code| !code.is_empty())
    }

    /// Returns the number if a region can have it: positive as an `i32`, which the service uses.
    pub(super) fn geoname_id(&self) -> Option<i32> {
        self.geoname_id.and_then(|id| i32::try_from(id).ok()).filter(|id| *id > 0)
    }

    /// Returns the English name, or else the one in the first language.
    pub(super) fn main_name(&self) -> Option<&str> {
        let mut names = self.names.get("en").into_iter().chain(self.names.values());
        names.find(|name| !name.is_empty()).copied()
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

impl NetworkRecord<'_> {
    /// Returns the regions, the largest first. The earth is not among them.
    pub(super) fn regions_by_size(&self) -> impl Iterator<Item = (RegionKind, &NamedRegion<'_>)> {
        let continent = self.continent.iter().map(|region| (RegionKind::Continent, region));
        let country = self.country.iter().map(|region| (RegionKind::Country, region));
        let subdivisions = (0..SUBDIVISIONS).map(RegionKind::Subdivision).zip(&self.subdivisions);
        let city = self.city.iter().map(|region| (RegionKind::City, region));
        let regions = continent.chain(country).chain(subdivisions).chain(city);
        regions.filter(|(_, region)| region.geoname_id() != Some(EARTH))
    }
}
