//! A database in memory, and what was found out about its regions when it was read.
//!
//! Reading it takes the memory of the file, some 200 bytes for each region, and what the names take, twice. The walk
//! over all networks is the larger part of the time: a second or so for every ten million of them. Each of the
//! records behind the networks, of which there are far fewer, is decoded once. Looking up an address later decodes
//! one record; nothing else needs the file.

use std::{collections::HashMap, net::IpAddr};

use maxminddb::{MaxMindDbError, Reader, WithinOptions};

use super::{
    draft::{Drafts, TooMuch},
    names::Names,
    places::Places,
    record::{Id, Named, Record},
    tree::Tree,
};

/// How many branches may lead to the same networks, on average.
const SHARED: u64 = 4;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it is no database in the format of MaxMind, or damaged: {0}")]
    Invalid(#[from] MaxMindDbError),
    #[error("its tree leads to the same networks again and again: it is damaged")]
    Endless,
    #[error(
        "it is of the type {0} and tells no regions: the service needs one of cities or countries, whose records \
         have `geoname_id`"
    )]
    NoRegions(String),
    #[error("{0}")]
    TooMuch(#[from] TooMuch),
}

/// A database and its regions.
#[derive(Debug)]
pub(super) struct Atlas {
    reader: Reader<Vec<u8>>,
    pub(super) tree: Tree,
    pub(super) names: Names,
    /// The places of the regions that have nothing below them.
    pub(super) places: Places,
}

impl Atlas {
    /// Reads a file. This takes as long as it is large.
    pub(super) fn new(file: Vec<u8>) -> Result<Self, Unusable> {
        let reader = Reader::from_source(file)?;
        let tree = regions(&reader)?.grow();
        let names = Names::new(&tree);
        let leaves = (0..).zip(tree.regions()).filter(|(at, region)| region.end == at + 1);
        let places = Places::new(leaves.filter_map(|(at, region)| Some((region.place?, at))));
        Ok(Self { reader, tree, names, places })
    }

    /// Returns what is known of an address. Of one of IPv6 nothing is, if the database has none of them.
    pub(super) fn record(&self, address: IpAddr) -> Option<Record<'_, Id>> {
        let found = self.reader.lookup(address.to_canonical()).ok()?;
        // Every record could be decoded when the file was read.
        found.decode().ok().flatten()
    }

    /// Returns the smallest region of an address.
    pub(super) fn locate(&self, address: IpAddr) -> Option<u32> {
        self.tree.find(self.record(address)?.leaf()?)
    }

    /// Returns how the database calls its kind.
    pub(super) fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }
}

/// Walks over all networks, and decodes each of their records once.
fn regions(reader: &Reader<Vec<u8>>) -> Result<Drafts, Unusable> {
    let (mut drafts, mut known) = (Drafts::new(), HashMap::new());
    // A tree has one network more than it has nodes, unless branches lead to the same.
    let mut left = SHARED * (u64::from(reader.metadata().node_count) + 1);
    for network in reader.networks(WithinOptions::default().include_networks_without_data())? {
        let network = network?;
        left = left.checked_sub(1).ok_or(Unusable::Endless)?;
        let Some(offset) = network.offset() else { continue };
        let region = match known.get(&offset) {
            Some(region) => *region,
            None => {
                let record: Option<Record<'_, Named<'_>>> = network.decode()?;
                let region = record.map_or(Ok(None), |record| drafts.take(&record))?;
                known.insert(offset, region);
                region
            }
        };
        if let Some(region) = region {
            drafts.count(region);
        }
    }
    if drafts.is_empty() {
        Err(Unusable::NoRegions(reader.metadata().database_type.clone()))
    } else {
        Ok(drafts)
    }
}
