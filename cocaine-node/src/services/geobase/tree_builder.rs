//! Builds the tree of regions, record by record.
//!
//! Records may disagree about the kind and the parent of a region. The largest kind that any record claims wins; among
//! the records that claim it, the smallest parent does. In each of those records the parent is of a larger kind than
//! the region, so the result has no cycle.

use std::{cmp::Reverse, collections::HashMap};

use super::{
    coordinates::Coordinates,
    network_record::{NamedRegion, NetworkRecord},
    region::{EARTH, Region, RegionKind},
    region_key::{RegionKey, RegionPath, assign_ids},
    tree::RegionTree,
};

/// The largest number of regions. The largest public databases have some 130,000, nearly all of them cities.
const REGIONS: usize = 1 << 20;
/// The largest total size of names, codes and time zones, in bytes.
const TEXT: usize = 256 << 20;
/// The largest number of languages.
const LANGUAGES: usize = 64;

/// The names of the earth in the languages of the common databases.
const EARTH_NAMES: [(&str, &str); 8] = [
    ("de", "Erde"),
    ("en", "Earth"),
    ("es", "Tierra"),
    ("fr", "Terre"),
    ("ja", "地球"),
    ("pt-BR", "Terra"),
    ("ru", "Земля"),
    ("zh-CN", "地球"),
];

/// A database exceeds a limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LimitError {
    #[error("it has more than {REGIONS} regions")]
    Regions,
    #[error("its names take more than {} MiB", TEXT >> 20)]
    Text,
    #[error("it has names in more than {LANGUAGES} languages")]
    Languages,
}

/// What the records so far say about a region.
#[derive(Debug)]
struct RegionBuilder {
    key: RegionKey,
    /// The number, which is known when all regions are.
    id: i32,
    kind: RegionKind,
    /// The parent, and its kind in the record that names it.
    parent: (RegionKind, u32),
    names: Vec<(u8, Box<str>)>,
    code: Option<Box<str>>,
    coordinates: Option<Coordinates>,
    zone: Option<u32>,
    /// The number of networks of which this is the smallest region.
    networks: u32,
}

/// The regions so far, in the order in which they were found, the earth first.
#[derive(Debug)]
pub(super) struct TreeBuilder {
    regions: Vec<RegionBuilder>,
    by_key: HashMap<RegionKey, u32>,
    languages: Vec<Box<str>>,
    zones: HashMap<Box<str>, u32>,
    text: usize,
    /// The number of regions in the records that have no key.
    nameless: usize,
}

/// How many regions have no `GeoNames` id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RegionCounts {
    /// Regions that have an id of our own.
    pub(super) own_ids: usize,
    /// Regions, counted in each record, that have no name either, and are left out.
    pub(super) nameless: usize,
}

impl TreeBuilder {
    pub(super) fn new() -> Self {
        let key = RegionKey::Geoname(EARTH);
        let earth = RegionBuilder::new(key, RegionKind::Earth, (RegionKind::Earth, 0));
        let (regions, by_key) = (vec![earth], HashMap::from([(key, 0)]));
        Self { regions, by_key, languages: Vec::new(), zones: HashMap::new(), text: 0, nameless: 0 }
    }

    /// Returns whether no region was found.
    pub(super) fn is_empty(&self) -> bool {
        self.regions.len() == 1
    }

    /// Returns how many regions so far have no `GeoNames` id.
    pub(super) fn counts(&self) -> RegionCounts {
        let own_ids = self.regions.iter().filter(|region| matches!(region.key, RegionKey::Path(_))).count();
        RegionCounts { own_ids, nameless: self.nameless }
    }

    /// Adds the regions of a record, and returns the smallest of them.
    pub(super) fn add_record(&mut self, record: &NetworkRecord<'_>) -> Result<Option<u32>, LimitError> {
        let (mut chain, mut path) = (vec![(RegionKind::Earth, 0)], RegionPath::default());
        for (kind, region) in record.regions_by_size() {
            let Some(key) = path.add(kind, region) else {
                self.nameless += 1;
                continue;
            };
            let at = self.region(key, kind, region)?;
            if chain.iter().all(|(_, above)| *above != at) {
                self.update_parent(at, kind, chain[chain.len() - 1]);
            }
            chain.push((kind, at));
        }
        let (_, smallest) = chain[chain.len() - 1];
        if smallest == 0 {
            return Ok(None);
        }
        if let Some(location) = &record.location {
            let zone = location.time_zone.map(|zone| self.zone(zone)).transpose()?;
            let smallest = &mut self.regions[smallest as usize];
            smallest.coordinates = smallest.coordinates.or_else(|| location.coordinates());
            smallest.zone = smallest.zone.or(zone);
        }
        Ok(Some(smallest))
    }

    /// Counts a network whose smallest region is the one at this position.
    pub(super) fn count_network(&mut self, at: u32) {
        let networks = &mut self.regions[at as usize].networks;
        *networks = networks.saturating_add(1);
    }

    /// Returns the position of the region with this key, which is added if it is missing.
    fn region(
        &mut self,
        key: RegionKey,
        kind: RegionKind,
        region: &NamedRegion<'_>,
    ) -> Result<u32, LimitError> {
        if let Some(known) = self.by_key.get(&key) {
            return Ok(*known);
        }
        let at = u32::try_from(self.regions.len()).ok().filter(|_| self.regions.len() < REGIONS);
        let at = at.ok_or(LimitError::Regions)?;
        let mut added = RegionBuilder::new(key, kind, (RegionKind::Earth, 0));
        added.code = region.code().map(|code| self.text(code)).transpose()?;
        for (language, name) in &region.names {
            added.names.push((self.language(language)?, self.text(name)?));
        }
        self.regions.push(added);
        self.by_key.insert(key, at);
        Ok(at)
    }

    /// Applies a record's claim that the region is of this kind and has this parent.
    fn update_parent(&mut self, at: u32, kind: RegionKind, above: (RegionKind, u32)) {
        let region = &mut self.regions[at as usize];
        if kind < region.kind || kind == region.kind && above.0 > region.parent.0 {
            (region.kind, region.parent) = (kind, above);
        }
    }

    fn text(&mut self, text: &str) -> Result<Box<str>, LimitError> {
        self.text += text.len();
        if self.text > TEXT { Err(LimitError::Text) } else { Ok(text.into()) }
    }

    fn language(&mut self, language: &str) -> Result<u8, LimitError> {
        let known = self.languages.iter().position(|known| **known == *language);
        let at = known.unwrap_or(self.languages.len());
        if at == LANGUAGES {
            return Err(LimitError::Languages);
        }
        if known.is_none() {
            let language = self.text(language)?;
            self.languages.push(language);
        }
        u8::try_from(at).map_err(|_| LimitError::Languages)
    }

    fn zone(&mut self, zone: &str) -> Result<u32, LimitError> {
        if let Some(known) = self.zones.get(zone) {
            return Ok(*known);
        }
        let (text, at) = (self.text(zone)?, self.zones.len());
        let at = u32::try_from(at).map_err(|_| LimitError::Text)?;
        self.zones.insert(text, at);
        Ok(at)
    }
}

impl RegionBuilder {
    fn new(key: RegionKey, kind: RegionKind, parent: (RegionKind, u32)) -> Self {
        Self {
            key,
            id: 0,
            kind,
            parent,
            names: Vec::new(),
            code: None,
            coordinates: None,
            zone: None,
            networks: 0,
        }
    }
}

/// What a region inherits from its subtree.
#[derive(Clone, Copy)]
struct SubtreeSummary {
    /// The number of regions in the subtree.
    size: u32,
    /// The city with the most networks, of several the one with the lowest number.
    chief_city: Option<(u32, Reverse<i32>, u32)>,
    zone: CommonZone,
}

/// The time zone that the regions of a subtree have in common.
#[derive(Clone, Copy, PartialEq)]
enum CommonZone {
    Unknown,
    Same(u32),
    Mixed,
}

impl CommonZone {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, zone) | (zone, Self::Unknown) => zone,
            (one, other) if one == other => one,
            _ => Self::Mixed,
        }
    }
}

impl TreeBuilder {
    /// Returns the finished tree, and the position in it of each region that [`TreeBuilder::add_record`] has returned.
    ///
    /// The chief city of a region is the city in it with the most networks. A region without a time zone of its own
    /// takes the one that all regions below it share, if there is one.
    pub(super) fn build(mut self) -> (RegionTree, Vec<u32>) {
        self.name_earth();
        self.number_regions();
        let order = self.pre_order();
        let mut position = vec![0; order.len()];
        for (at, region) in (0_u32..).zip(&order) {
            position[*region as usize] = at;
        }
        let parents: Vec<u32> =
            order.iter().map(|region| position[self.regions[*region as usize].parent.1 as usize]).collect();
        let summaries = self.summarize_subtrees(&order, &parents);
        let (languages, renumbered) = self.sorted_languages();
        let mut builders: Vec<Option<RegionBuilder>> = self.regions.into_iter().map(Some).collect();
        let mut regions = Vec::with_capacity(order.len());
        for (at, region) in (0_u32..).zip(order) {
            let Some(region) = builders[region as usize].take() else { continue };
            let summary = summaries[at as usize];
            regions.push(region.build(at, parents[at as usize], summary, &renumbered));
        }
        let mut zones: Vec<_> = self.zones.into_iter().collect();
        zones.sort_unstable_by_key(|(_, at)| *at);
        let zones = zones.into_iter().map(|(zone, _)| zone).collect();
        (RegionTree::new(regions, languages, zones), position)
    }

    fn number_regions(&mut self) {
        let keys: Vec<RegionKey> = self.regions.iter().map(|region| region.key).collect();
        for (region, id) in self.regions.iter_mut().zip(assign_ids(&keys)) {
            region.id = id;
        }
    }

    fn name_earth(&mut self) {
        let position = |language: &str| self.languages.iter().position(|known| **known == *language);
        let names = EARTH_NAMES
            .into_iter()
            .filter_map(|(language, name)| Some((u8::try_from(position(language)?).ok()?, Box::from(name))));
        self.regions[0].names = names.collect();
    }

    /// Returns the regions in pre-order, siblings sorted by their numbers.
    fn pre_order(&self) -> Vec<u32> {
        let mut by_parent: Vec<(u32, Reverse<i32>, u32)> = (0..)
            .zip(&self.regions)
            .skip(1)
            .map(|(at, region)| (region.parent.1, Reverse(region.id), at))
            .collect();
        by_parent.sort_unstable();
        let (mut order, mut waiting) = (Vec::with_capacity(self.regions.len()), vec![0]);
        while let Some(next) = waiting.pop() {
            order.push(next);
            let start = by_parent.partition_point(|(parent, ..)| *parent < next);
            let children = by_parent[start..].iter().take_while(|(parent, ..)| *parent == next);
            waiting.extend(children.map(|(.., at)| *at));
        }
        order
    }

    /// Returns the summary of each region's subtree, by position in pre-order.
    fn summarize_subtrees(&self, order: &[u32], parents: &[u32]) -> Vec<SubtreeSummary> {
        let own = (0..).zip(order).map(|(at, region)| {
            let region = &self.regions[*region as usize];
            let chief_city =
                (region.kind == RegionKind::City).then_some((region.networks, Reverse(region.id), at));
            SubtreeSummary {
                size: 1,
                chief_city,
                zone: region.zone.map_or(CommonZone::Unknown, CommonZone::Same),
            }
        });
        let mut summaries: Vec<SubtreeSummary> = own.collect();
        // In reverse pre-order every region is complete before it is added to its parent.
        for at in (1..order.len()).rev() {
            let (from, to) = (summaries[at], parents[at] as usize);
            let has_own = self.regions[order[to] as usize].zone.is_some();
            let above = &mut summaries[to];
            above.size += from.size;
            above.chief_city = above.chief_city.max(from.chief_city);
            above.zone = if has_own { above.zone } else { above.zone.and(from.zone) };
        }
        summaries
    }

    /// Returns the sorted languages, and the new position of each old one.
    fn sorted_languages(&mut self) -> (Vec<Box<str>>, Vec<u8>) {
        let mut languages: Vec<_> = (0_u8..).zip(std::mem::take(&mut self.languages)).collect();
        languages.sort_unstable_by(|(_, left), (_, right)| left.cmp(right));
        let mut renumbered = vec![0; languages.len()];
        for (new, (old, _)) in (0_u8..).zip(&languages) {
            renumbered[usize::from(*old)] = new;
        }
        (languages.into_iter().map(|(_, language)| language).collect(), renumbered)
    }
}

impl RegionBuilder {
    fn build(self, at: u32, parent: u32, subtree: SubtreeSummary, languages: &[u8]) -> Region {
        let names = self.names.into_iter().map(|(old, name)| (languages[usize::from(old)], name));
        let mut names: Box<[_]> = names.collect();
        names.sort_unstable_by_key(|(language, _)| *language);
        let zone = if let CommonZone::Same(zone) = subtree.zone { Some(zone) } else { None };
        Region {
            id: self.id,
            kind: self.kind,
            names,
            code: self.code,
            coordinates: self.coordinates,
            zone,
            chief_city: subtree.chief_city.map(|(.., city)| city),
            parent,
            end: at + subtree.size,
        }
    }
}
