//! A database in memory, and what was found out about its regions when it was read.
//!
//! What it costs: a file of 150 MiB with ten million networks, half a million records, and 134,000 regions with 350,000
//! names takes 225 MiB, for good, and eight seconds of one core when it is read: five for the walk over the networks,
//! and the rest for the records behind them, each of which is decoded once. An address that is looked up later takes
//! the decoding of one record; nothing else needs the file.

use std::{collections::HashMap, net::IpAddr, path::Path};

use maxminddb::{MaxMindDbError, Reader, WithinOptions};

use super::{
    coordinates::Places,
    name_index::Names,
    network_record::{Id, Named, Record},
    tree::Tree,
    tree_builder::{Drafts, TooMuch},
    tree_check::is_tree,
};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it is no database in the format of MaxMind, or damaged: {0}")]
    Invalid(#[from] MaxMindDbError),
    #[error("it is damaged: its tree leads to the same networks more than once")]
    NoTree,
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
        if !is_tree(&file, Reader::from_source(&file[..])?.metadata()) {
            return Err(Unusable::NoTree);
        }
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

    /// Tells the log which database it is, and that it is the sample if there is no file.
    pub(super) fn announce(&self, file: Option<&Path>) {
        let regions = self.tree.regions().len();
        if let Some(file) = file {
            let kind = &self.reader.metadata().database_type;
            tracing::info!(file = %file.display(), kind, regions, "geobase has read its database");
        } else {
            tracing::info!(
                regions,
                "geobase serves a sample with the address ranges of documentation; --geobase names a real database"
            );
        }
    }
}

/// Walks over all networks, and decodes each of their records once.
fn regions(reader: &Reader<Vec<u8>>) -> Result<Drafts, Unusable> {
    let (mut drafts, mut known) = (Drafts::new(), HashMap::new());
    for network in reader.networks(WithinOptions::default())? {
        let network = network?;
        let Some(offset) = network.offset() else { continue };
        let region = if let Some(region) = known.get(&offset) {
            *region
        } else {
            let record: Option<Record<'_, Named<'_>>> = network.decode()?;
            let region = record.map_or(Ok(None), |record| drafts.take(&record))?;
            known.insert(offset, region);
            region
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
