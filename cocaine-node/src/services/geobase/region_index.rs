//! A database in memory, with the tree and the indexes of its regions.
//!
//! The cost: a file of 150 MiB with ten million networks, half a million records, and 134,000 regions with 350,000
//! names takes 235 MiB of memory, and eight seconds of one core to load: five for the walk over the networks, and the
//! rest to decode each record once. Only `pinpoint_geolocation` decodes a record again.

use std::{collections::HashMap, net::IpAddr, path::Path};

use maxminddb::{MaxMindDbError, Reader, WithinOptions};

use super::{
    coordinates::SpatialIndex,
    name_index::NameIndex,
    network_record::NetworkRecord,
    tree::RegionTree,
    tree_builder::{LimitError, RegionCounts, TreeBuilder},
    tree_check::is_tree,
};

/// Why a database cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("it is not a database in the format of MaxMind, or it is damaged: {0}")]
    Invalid(#[from] MaxMindDbError),
    #[error(
        "a record cannot be read: it is damaged, or it is not of the form that MaxMind's databases of cities and \
         countries have: {0}"
    )]
    Record(#[source] MaxMindDbError),
    #[error("it is damaged: its tree leads to the same networks more than once")]
    NotATree,
    #[error(
        "it is of the type {0} and tells no regions: the service needs one of cities or countries, whose records \
         have `continent`, `country`, `subdivisions` or `city`, each with `geoname_id`, a code or `names`"
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
    /// The smallest region of each record, by the record's offset in the file.
    regions_by_offset: Box<[(usize, u32)]>,
    counts: RegionCounts,
}

impl RegionIndex {
    /// Loads a file. This blocks for a time in proportion to the file's size.
    pub(super) fn new(file: Vec<u8>) -> Result<Self, LoadError> {
        if !is_tree(&file, Reader::from_source(&file[..])?.metadata()) {
            return Err(LoadError::NotATree);
        }
        let reader = Reader::from_source(file)?;
        let (builder, mut regions_by_offset) = read_regions(&reader)?;
        let counts = builder.counts();
        let (tree, positions) = builder.build();
        for (_, region) in &mut regions_by_offset {
            *region = positions[*region as usize];
        }
        regions_by_offset.sort_unstable();
        let names = NameIndex::new(&tree);
        let leaves = (0..).zip(tree.regions()).filter(|(at, region)| region.end == at + 1);
        let leaves = SpatialIndex::new(leaves.filter_map(|(at, region)| Some((region.coordinates?, at))));
        Ok(Self { reader, tree, names, leaves, regions_by_offset: regions_by_offset.into(), counts })
    }

    /// Returns the record of an address. There is none for an IPv6 address if the database is of IPv4.
    pub(super) fn record(&self, address: IpAddr) -> Option<NetworkRecord<'_>> {
        let found = self.reader.lookup(address.to_canonical()).ok()?;
        // Every record was decoded once when the file was loaded.
        found.decode().ok().flatten()
    }

    /// Returns the position of the smallest region that contains an address.
    pub(super) fn find_by_address(&self, address: IpAddr) -> Option<u32> {
        let offset = self.reader.lookup(address.to_canonical()).ok()?.offset()?;
        let at = self.regions_by_offset.binary_search_by_key(&offset, |(offset, _)| *offset).ok()?;
        Some(self.regions_by_offset[at].1)
    }

    /// Returns how many regions have no `GeoNames` id.
    #[cfg(test)]
    pub(super) fn counts(&self) -> RegionCounts {
        self.counts
    }

    /// Logs which database is in use: `file`, or the sample if there is none.
    pub(super) fn log_summary(&self, file: Option<&Path>) {
        let regions = self.tree.regions().len();
        if let Some(file) = file {
            let kind = &self.reader.metadata().database_type;
            let RegionCounts { own_ids, nameless } = self.counts;
            tracing::info!(file = %file.display(), kind, regions, own_ids, "geobase has read its database");
            if nameless > 0 {
                tracing::warn!(
                    file = %file.display(),
                    nameless,
                    "geobase leaves out regions that have neither `geoname_id` nor a code nor a name"
                );
            }
        } else {
            tracing::info!(
                regions,
                "geobase serves a sample with the address ranges of documentation; --geobase names a real database"
            );
        }
    }
}

/// Walks over all networks, and decodes each of their records once. Returns the regions, and the smallest region of each
/// record by the record's offset.
fn read_regions(reader: &Reader<Vec<u8>>) -> Result<(TreeBuilder, Vec<(usize, u32)>), LoadError> {
    let (mut builder, mut regions_by_offset) = (TreeBuilder::new(), HashMap::new());
    for network in reader.networks(WithinOptions::default())? {
        let network = network?;
        let Some(offset) = network.offset() else { continue };
        let region = if let Some(region) = regions_by_offset.get(&offset) {
            *region
        } else {
            let record: Option<NetworkRecord<'_>> = network.decode().map_err(LoadError::Record)?;
            let region = record.map_or(Ok(None), |record| builder.add_record(&record))?;
            regions_by_offset.insert(offset, region);
            region
        };
        if let Some(region) = region {
            builder.count_network(region);
        }
    }
    if builder.is_empty() {
        return Err(LoadError::NoRegions(reader.metadata().database_type.clone()));
    }
    let known = regions_by_offset.into_iter().filter_map(|(offset, region)| Some((offset, region?)));
    Ok((builder, known.collect()))
}
