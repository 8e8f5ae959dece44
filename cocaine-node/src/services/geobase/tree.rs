//! The regions, each in the one above.

use std::collections::HashMap;

use super::{coordinates::Place, network_record::Kind};

/// The number of the earth, which is above all others: that of `GeoNames`, as the numbers of databases are.
pub(super) const EARTH: i32 = 6_295_630;

/// A region.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) id: i32,
    pub(super) kind: Kind,
    /// By the positions of their languages.
    pub(super) names: Box<[(u8, Box<str>)]>,
    pub(super) code: Option<Box<str>>,
    pub(super) place: Option<Place>,
    /// The position of the time zone.
    pub(super) zone: Option<u32>,
    /// The position of the chief town.
    pub(super) chief: Option<u32>,
    /// The position of the region above, which is its own for the earth.
    pub(super) parent: u32,
    /// Behind the position of the last region below.
    pub(super) end: u32,
}

/// The regions by position: the earth first, and each before those that lie in it, which follow it at once. What lies
/// in a region is a range, and whether something does needs no search.
#[derive(Debug)]
pub(super) struct Tree {
    regions: Vec<Region>,
    by_id: HashMap<i32, u32>,
    /// Sorted.
    languages: Vec<Box<str>>,
    zones: Vec<Box<str>>,
}

impl Tree {
    pub(super) fn new(regions: Vec<Region>, languages: Vec<Box<str>>, zones: Vec<Box<str>>) -> Self {
        let by_id = (0..).zip(&regions).map(|(at, region)| (region.id, at)).collect();
        Self { regions, by_id, languages, zones }
    }

    pub(super) fn regions(&self) -> &[Region] {
        &self.regions
    }

    pub(super) fn languages(&self) -> &[Box<str>] {
        &self.languages
    }

    /// Returns the position of the region with this number.
    pub(super) fn find(&self, id: i32) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn region(&self, at: u32) -> &Region {
        &self.regions[at as usize]
    }

    pub(super) fn id(&self, at: u32) -> i32 {
        self.region(at).id
    }

    /// Returns the region above, which the earth has not.
    pub(super) fn parent(&self, at: u32) -> Option<u32> {
        Some(self.region(at).parent).filter(|parent| *parent != at)
    }

    /// Returns the region and all above it.
    pub(super) fn parents(&self, at: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(at), |at| self.parent(*at))
    }

    /// Returns the regions right below, by their numbers.
    pub(super) fn children(&self, at: u32) -> impl Iterator<Item = u32> {
        let end = self.region(at).end;
        let existing = move |at: u32| Some(at).filter(|at| *at < end);
        std::iter::successors(existing(at + 1), move |at| existing(self.region(*at).end))
    }

    /// Returns the region and all below it.
    pub(super) fn subtree(&self, at: u32) -> impl Iterator<Item = u32> {
        at..self.region(at).end
    }

    /// Returns whether a region is another one, or below it.
    pub(super) fn holds(&self, at: u32, below: u32) -> bool {
        (at..self.region(at).end).contains(&below)
    }

    /// Returns the name of the time zone.
    pub(super) fn zone(&self, at: u32) -> Option<&str> {
        self.region(at).zone.map(|zone| &*self.zones[zone as usize])
    }

    /// Returns the names and their languages.
    pub(super) fn names(&self, at: u32) -> impl Iterator<Item = (&str, &str)> {
        let names = self.region(at).names.iter();
        names.map(|(language, name)| (&*self.languages[usize::from(*language)], &**name))
    }
}
