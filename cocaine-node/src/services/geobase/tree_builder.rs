//! The tree of regions as it grows from one record to the next.
//!
//! Records do not always agree on where a region lies, and one may call a city what is a country for another. A region
//! is the largest that anybody calls it, and lies in the smallest that such a record has it in. What it lies in is
//! larger than itself in every record that counts, so that nothing lies in itself.

use std::{cmp::Reverse, collections::HashMap};

use super::{
    coordinates::Place,
    network_record::{Kind, Named, Record},
    tree::{EARTH, Region, Tree},
};

/// More regions are refused: cities, by far the most, are some 130,000 in the largest public databases.
const REGIONS: usize = 1 << 20;
/// Bytes of all names, codes and time zones; more are refused.
const TEXT: usize = 256 << 20;
/// More languages are refused.
const LANGUAGES: usize = 64;

/// The earth in the languages of the usual databases.
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

/// Why a database makes no tree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooMuch {
    #[error("it has more than {REGIONS} regions")]
    Regions,
    #[error("its names take more than {} MiB", TEXT >> 20)]
    Text,
    #[error("it has names in more than {LANGUAGES} languages")]
    Languages,
}

/// A region of which more may be said.
#[derive(Debug)]
struct Draft {
    id: i32,
    kind: Kind,
    /// The region above, and what it is for the record that says so.
    parent: (Kind, u32),
    names: Vec<(u8, Box<str>)>,
    code: Option<Box<str>>,
    place: Option<Place>,
    zone: Option<u32>,
    /// How many networks are there and nowhere nearer.
    networks: u32,
}

/// All regions so far, by the order in which they were found; the earth is the first.
#[derive(Debug)]
pub(super) struct Drafts {
    regions: Vec<Draft>,
    by_id: HashMap<i32, u32>,
    languages: Vec<Box<str>>,
    zones: HashMap<Box<str>, u32>,
    text: usize,
}

impl Drafts {
    pub(super) fn new() -> Self {
        let earth = Draft::new(EARTH, Kind::Earth, (Kind::Earth, 0));
        let (regions, by_id) = (vec![earth], HashMap::from([(EARTH, 0)]));
        Self { regions, by_id, languages: Vec::new(), zones: HashMap::new(), text: 0 }
    }

    /// Returns whether no region was found.
    pub(super) fn is_empty(&self) -> bool {
        self.regions.len() == 1
    }

    /// Takes what a record says, and returns the smallest of its regions.
    pub(super) fn take(&mut self, record: &Record<'_, Named<'_>>) -> Result<Option<u32>, TooMuch> {
        let mut chain = vec![(Kind::Earth, 0)];
        for (kind, id, region) in record.chain() {
            let at = self.region(id, kind, region)?;
            if chain.iter().all(|(_, above)| *above != at) {
                self.place_in(at, kind, chain[chain.len() - 1]);
            }
            chain.push((kind, at));
        }
        let (_, leaf) = chain[chain.len() - 1];
        if leaf == 0 {
            return Ok(None);
        }
        if let Some(location) = &record.location {
            let zone = location.time_zone.map(|zone| self.zone(zone)).transpose()?;
            let leaf = &mut self.regions[leaf as usize];
            leaf.place = leaf.place.or_else(|| location.place());
            leaf.zone = leaf.zone.or(zone);
        }
        Ok(Some(leaf))
    }

    /// Counts a network of a region.
    pub(super) fn count(&mut self, at: u32) {
        let networks = &mut self.regions[at as usize].networks;
        *networks = networks.saturating_add(1);
    }

    /// Returns the region with this number, which is made if need be.
    fn region(&mut self, id: i32, kind: Kind, region: &Named<'_>) -> Result<u32, TooMuch> {
        if let Some(known) = self.by_id.get(&id) {
            return Ok(*known);
        }
        let at = u32::try_from(self.regions.len()).ok().filter(|_| self.regions.len() < REGIONS);
        let at = at.ok_or(TooMuch::Regions)?;
        let mut draft = Draft::new(id, kind, (Kind::Earth, 0));
        draft.code = region.code().map(|code| self.text(code)).transpose()?;
        for (language, name) in &region.names {
            draft.names.push((self.language(language)?, self.text(name)?));
        }
        self.regions.push(draft);
        self.by_id.insert(id, at);
        Ok(at)
    }

    /// Notes that a record has a region, which it says is of this kind, in another one.
    fn place_in(&mut self, at: u32, kind: Kind, above: (Kind, u32)) {
        let draft = &mut self.regions[at as usize];
        if kind < draft.kind || kind == draft.kind && above.0 > draft.parent.0 {
            (draft.kind, draft.parent) = (kind, above);
        }
    }

    fn text(&mut self, text: &str) -> Result<Box<str>, TooMuch> {
        self.text += text.len();
        if self.text > TEXT { Err(TooMuch::Text) } else { Ok(text.into()) }
    }

    fn language(&mut self, language: &str) -> Result<u8, TooMuch> {
        let known = self.languages.iter().position(|known| **known == *language);
        let at = known.unwrap_or(self.languages.len());
        if at == LANGUAGES {
            return Err(TooMuch::Languages);
        }
        if known.is_none() {
            let language = self.text(language)?;
            self.languages.push(language);
        }
        u8::try_from(at).map_err(|_| TooMuch::Languages)
    }

    fn zone(&mut self, zone: &str) -> Result<u32, TooMuch> {
        if let Some(known) = self.zones.get(zone) {
            return Ok(*known);
        }
        let (text, at) = (self.text(zone)?, self.zones.len());
        let at = u32::try_from(at).map_err(|_| TooMuch::Text)?;
        self.zones.insert(text, at);
        Ok(at)
    }
}

impl Draft {
    fn new(id: i32, kind: Kind, parent: (Kind, u32)) -> Self {
        Self { id, kind, parent, names: Vec::new(), code: None, place: None, zone: None, networks: 0 }
    }
}

/// What regions have from those below them.
#[derive(Clone, Copy)]
struct Below {
    /// How many positions the region and those below take.
    size: u32,
    /// The town with the most networks, and of several the one with the lowest number.
    chief: Option<(u32, Reverse<i32>, u32)>,
    zone: Zone,
}

/// The time zone of several regions.
#[derive(Clone, Copy, PartialEq)]
enum Zone {
    Unknown,
    One(u32),
    Several,
}

impl Zone {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, zone) | (zone, Self::Unknown) => zone,
            (one, other) if one == other => one,
            _ => Self::Several,
        }
    }
}

impl Drafts {
    /// Returns the tree.
    ///
    /// The chief town of a region is the one with the most networks of all that are in it. A region whose time zone no
    /// record tells has that of the regions below, if they have but one.
    pub(super) fn grow(mut self) -> Tree {
        self.name_earth();
        let order = self.order();
        let mut position = vec![0; order.len()];
        for (at, draft) in (0_u32..).zip(&order) {
            position[*draft as usize] = at;
        }
        let parents: Vec<u32> =
            order.iter().map(|draft| position[self.regions[*draft as usize].parent.1 as usize]).collect();
        let below = self.gather(&order, &parents);
        let (languages, renumbered) = self.sorted_languages();
        let mut drafts: Vec<Option<Draft>> = self.regions.into_iter().map(Some).collect();
        let mut regions = Vec::with_capacity(order.len());
        for (at, draft) in (0_u32..).zip(order) {
            let Some(draft) = drafts[draft as usize].take() else { continue };
            let below = below[at as usize];
            regions.push(draft.finish(at, parents[at as usize], below, &renumbered));
        }
        let mut zones: Vec<_> = self.zones.into_iter().collect();
        zones.sort_unstable_by_key(|(_, at)| *at);
        Tree::new(regions, languages, zones.into_iter().map(|(zone, _)| zone).collect())
    }

    fn name_earth(&mut self) {
        let position = |language: &str| self.languages.iter().position(|known| **known == *language);
        let names = EARTH_NAMES
            .into_iter()
            .filter_map(|(language, name)| Some((u8::try_from(position(language)?).ok()?, Box::from(name))));
        self.regions[0].names = names.collect();
    }

    /// Returns the regions so that each is followed by those below it, which are sorted by their numbers.
    fn order(&self) -> Vec<u32> {
        let mut by_parent: Vec<(u32, Reverse<i32>, u32)> = (0..)
            .zip(&self.regions)
            .skip(1)
            .map(|(at, draft)| (draft.parent.1, Reverse(draft.id), at))
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

    /// Goes from the smallest regions to the earth, and returns what each has, by its position.
    fn gather(&self, order: &[u32], parents: &[u32]) -> Vec<Below> {
        let own = (0..).zip(order).map(|(at, draft)| {
            let draft = &self.regions[*draft as usize];
            let chief = (draft.kind == Kind::City).then_some((draft.networks, Reverse(draft.id), at));
            Below { size: 1, chief, zone: draft.zone.map_or(Zone::Unknown, Zone::One) }
        });
        let mut below: Vec<Below> = own.collect();
        for at in (1..order.len()).rev() {
            let (from, to) = (below[at], parents[at] as usize);
            let has_own = self.regions[order[to] as usize].zone.is_some();
            let above = &mut below[to];
            above.size += from.size;
            above.chief = above.chief.max(from.chief);
            above.zone = if has_own { above.zone } else { above.zone.and(from.zone) };
        }
        below
    }

    /// Returns the languages in order, and the new positions of the old ones.
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

impl Draft {
    fn finish(self, at: u32, parent: u32, below: Below, languages: &[u8]) -> Region {
        let names = self.names.into_iter().map(|(old, name)| (languages[usize::from(old)], name));
        let mut names: Box<[_]> = names.collect();
        names.sort_unstable_by_key(|(language, _)| *language);
        let zone = if let Zone::One(zone) = below.zone { Some(zone) } else { None };
        Region {
            id: self.id,
            kind: self.kind,
            names,
            code: self.code,
            place: self.place,
            zone,
            chief: below.chief.map(|(.., town)| town),
            parent,
            end: at + below.size,
        }
    }
}
