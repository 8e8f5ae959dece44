//! What a database says of an address, as far as regions are concerned.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use super::{coordinates::Place, tree::EARTH};

/// Of subdivisions within each other, more than these are not looked at.
const SUBDIVISIONS: u8 = 32;

/// What a region is. Each may lie in those that are less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Earth,
    Continent,
    Country,
    /// One in a country, or in a subdivision of a lower number.
    Subdivision(u8),
    City,
}

impl Kind {
    /// Returns what answers call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Earth => "earth",
            Self::Continent => "continent",
            Self::Country => "country",
            Self::Subdivision(_) => "subdivision",
            Self::City => "city",
        }
    }
}

/// What is said of an address; `P` is as much of its regions as is wanted.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "P: Deserialize<'de>"))]
pub(super) struct Record<'a, P> {
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

/// What has the number of a region, if it has one.
pub(super) trait Identified {
    fn geoname_id(&self) -> Option<u32>;
}

/// A region's number alone.
#[derive(Debug, Deserialize)]
pub(super) struct Id {
    geoname_id: Option<u32>,
}

/// A region.
#[derive(Debug, Deserialize)]
pub(super) struct Named<'a> {
    geoname_id: Option<u32>,
    #[serde(borrow, default)]
    pub(super) names: BTreeMap<&'a str, &'a str>,
    code: Option<&'a str>,
    iso_code: Option<&'a str>,
}

impl Named<'_> {
    /// Returns the code, which continents have under another name than countries.
    pub(super) fn code(&self) -> Option<&str> {
        self.iso_code.or(self.code)
    }
}

impl Identified for Id {
    fn geoname_id(&self) -> Option<u32> {
        self.geoname_id
    }
}

impl Identified for Named<'_> {
    fn geoname_id(&self) -> Option<u32> {
        self.geoname_id
    }
}

/// Where the addresses are.
#[derive(Debug, Deserialize)]
pub(super) struct Location<'a> {
    latitude: Option<Number>,
    longitude: Option<Number>,
    accuracy_radius: Option<Number>,
    pub(super) time_zone: Option<&'a str>,
}

impl Location<'_> {
    /// Returns the place, if there is one on earth.
    pub(super) fn place(&self) -> Option<Place> {
        let (Number(latitude), Number(longitude)) = (self.latitude?, self.longitude?);
        Place::new(latitude, longitude)
    }

    /// Returns how far around the place the addresses may be, in kilometres.
    pub(super) fn radius(&self) -> Option<f64> {
        self.accuracy_radius.map(|Number(radius)| radius)
    }
}

/// What the post needs.
#[derive(Debug, Deserialize)]
pub(super) struct Postal<'a> {
    pub(super) code: Option<&'a str>,
}

/// A number of any type: makers of databases do not agree on them.
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

impl<P: Identified> Record<'_, P> {
    /// Returns the regions that can be told by their numbers, the largest first.
    pub(super) fn chain(&self) -> impl Iterator<Item = (Kind, i32, &P)> {
        let continent = self.continent.iter().map(|region| (Kind::Continent, region));
        let country = self.country.iter().map(|region| (Kind::Country, region));
        let subdivisions = (0..SUBDIVISIONS).map(Kind::Subdivision).zip(&self.subdivisions);
        let city = self.city.iter().map(|region| (Kind::City, region));
        let regions = continent.chain(country).chain(subdivisions).chain(city);
        regions.filter_map(|(kind, region)| Some((kind, usable(region.geoname_id()?)?, region)))
    }

    /// Returns the smallest region.
    pub(super) fn leaf(&self) -> Option<i32> {
        self.chain().map(|(_, id, _)| id).last()
    }
}

/// Returns a number that regions can have: the service counts with signed ones, and one is the earth's.
fn usable(id: u32) -> Option<i32> {
    i32::try_from(id).ok().filter(|id| *id > 0 && *id != EARTH)
}
