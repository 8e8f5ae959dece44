//! The regions as a tree, stored in pre-order.

use std::collections::HashMap;

use super::region::Region;

/// Regions in pre-order: the earth comes first, and every region is followed by its descendants. A subtree is thus a
/// range of positions, and containment is a comparison.
#[derive(Debug)]
pub(super) struct RegionTree {
    regions: Vec<Region>,
    by_id: HashMap<i32, u32>,
    /// Sorted language codes.
    languages: Vec<Box<str>>,
    zones: Vec<Box<str>>,
}

impl RegionTree {
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

    /// Returns the parent, `None` for the earth.
    pub(super) fn parent(&self, at: u32) -> Option<u32> {
        Some(self.region(at).parent).filter(|parent| *parent != at)
    }

    /// Returns the region and its ancestors, the region first.
    pub(super) fn parents(&self, at: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(at), |at| self.parent(*at))
    }

    /// Returns the direct children, ordered by their numbers.
    pub(super) fn children(&self, at: u32) -> impl Iterator<Item = u32> {
        let end = self.region(at).end;
        let existing = move |at: u32| Some(at).filter(|at| *at < end);
        std::iter::successors(existing(at + 1), move |at| existing(self.region(*at).end))
    }

    /// Returns the region and its descendants.
    pub(super) fn subtree(&self, at: u32) -> impl Iterator<Item = u32> {
        at..self.region(at).end
    }

    /// Returns whether `region` is `ancestor` or one of its descendants.
    pub(super) fn contains(&self, ancestor: u32, region: u32) -> bool {
        (ancestor..self.region(ancestor).end).contains(&region)
    }

    /// Returns the name of the region's time zone.
    pub(super) fn zone(&self, at: u32) -> Option<&str> {
        self.region(at).zone.map(|zone| &*self.zones[zone as usize])
    }

    /// Returns pairs of language and name.
    pub(super) fn names(&self, at: u32) -> impl Iterator<Item = (&str, &str)> {
        let names = self.region(at).names.iter();
        names.map(|(language, name)| (&*self.languages[usize::from(*language)], &**name))
    }
}
