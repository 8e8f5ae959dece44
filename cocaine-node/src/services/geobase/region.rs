//! A region of the earth, and the kinds of regions.

use super::coordinates::Coordinates;

/// The `GeoNames` number of the earth, the parent of all continents. Most databases number their regions the same way.
pub(super) const EARTH: i32 = 6_295_630;

/// The kind of a region, from large to small. A region may only lie in one of a lesser kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RegionKind {
    Earth,
    Continent,
    Country,
    /// A subdivision of a country, or of a subdivision with a lower number.
    Subdivision(u8),
    City,
}

impl RegionKind {
    /// Returns the name that `region_data` reports.
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

/// A region of a [`RegionTree`](super::tree::RegionTree), whose positions it refers to.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) id: i32,
    pub(super) kind: RegionKind,
    /// Names, each with the position of its language.
    pub(super) names: Box<[(u8, Box<str>)]>,
    pub(super) code: Option<Box<str>>,
    pub(super) coordinates: Option<Coordinates>,
    /// The position of the time zone in the tree's list.
    pub(super) zone: Option<u32>,
    /// The position of the chief city.
    pub(super) chief_city: Option<u32>,
    /// The position of the parent; the earth's own for the earth.
    pub(super) parent: u32,
    /// The position after the last descendant.
    pub(super) end: u32,
}
