//! A database in memory, with the tree and the indexes of its regions.
//!
//! The cost: a file of 150 MiB with ten million networks, half a million records, and 134,000 regions with 350,000
//! names takes 225 MiB of memory, and eight seconds of one core to load: five for the walk over the networks, and the
//! rest to decode each record once. A lookup by address decodes one record; all other queries do not use the file.

use std::{collections::HashMap, net::IpAddr, path::Path};

use maxminddb::{MaxMindDbError, Reader, WithinOptions};

use super::{
    coordinates::SpatialIndex,
    name_index::NameIndex,
    network_record::{NamedRegion, NetworkRecord, RegionId},
    tree::RegionTree,
    tree_builder::{LimitError, TreeBuilder},
    tree_check::is_tree,
};

/// Why a database cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("it is not a database in the format of MaxMind, or it is damaged: {0}")]
    Invalid(#[from] MaxMindDbError),
    #[error("it is damaged: its tree leads to the same networks more than once")]
    NotATree,
    #[error(
        "it is of the type {0} and tells no regions: the service needs one of cities or countries, whose records \
         have `geoname_id`"
    )]
    NoRegions(String),
    #[error("{0}")]
    Limit(#[from] LimitError),
}

/// A database and the indexes of its regions.
#[derive(Debug)]
pub(super) struct RegionIndex {
    reader: Reader<Vec<u8>>,
    pub(super) tree: RegionTree,
    pub(super) names: NameIndex,
    /// The coordinates of the regions without children.
    pub(super) leaves: SpatialIndex,
}

impl RegionIndex {
    /// Loads a file. This blocks for a time in proportion to the file's size.
    pub(super) fn new(file: Vec<u8>) -> Result<Self, LoadError> {
        if !is_tree(&file, Reader::from_source(&file[..])?.metadata()) {
            return Err(LoadError::NotATree);
        }
        let reader = Reader::from_source(file)?;
        let tree = read_regions(&reader)?.build();
        let names = NameIndex::new(&tree);
        let leaves = (0..).zip(tree.regions()).filter(|(at, region)| region.end == at + 1);
        let leaves = SpatialIndex::new(leaves.filter_map(|(at, region)| Some((region.coordinates?, at))));
        Ok(Self { reader, tree, names, leaves })
    }

    /// Returns the record of an address. There is none for an IPv6 address if the database is of IPv4.
    pub(super) fn record(&self, address: IpAddr) -> Option<NetworkRecord<'_, RegionId>> {
        let found = self.reader.lookup(address.to_canonical()).ok()?;
        // Every record was decoded once when the file was loaded.
        found.decode().ok().flatten()
    }

    /// Returns the position of the smallest region that contains an address.
    pub(super) fn find_by_address(&self, address: IpAddr) -> Option<u32> {
        self.tree.find(self.record(address)?.smallest_region()?)
    }

    /// Logs which database is in use: `file`, or the sample if there is none.
    pub(super) fn log_summary(&self, file: Option<&Path>) {
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
fn read_regions(reader: &Reader<Vec<u8>>) -> Result<TreeBuilder, LoadError> {
    let (mut builder, mut regions_by_offset) = (TreeBuilder::new(), HashMap::new());
    for network in reader.networks(WithinOptions::default())? {
        let network = network?;
        let Some(offset) = network.offset() else { continue };
        let region = if let Some(region) = regions_by_offset.get(&offset) {
            *region
        } else {
            let record: Option<NetworkRecord<'_, NamedRegion<'_>>> = network.decode()?;
            let region = record.map_or(Ok(None), |record| builder.add_record(&record))?;
            regions_by_offset.insert(offset, region);
            region
        };
        if let Some(region) = region {
            builder.count_network(region);
        }
    }
    if builder.is_empty() {
        Err(LoadError::NoRegions(reader.metadata().database_type.clone()))
    } else {
        Ok(builder)
    }
}
