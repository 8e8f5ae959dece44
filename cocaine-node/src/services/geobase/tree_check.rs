//! Whether the tree of a file is one.
//!
//! Where branches meet again, there may be more ways through a tree than anybody can walk. Files have one such place
//! for good reason: the addresses of IPv4, which are those of IPv6 under several prefixes. A walk enters it once.

use maxminddb::Metadata;

/// Returns whether no two branches lead to the same node, but for the one below which the addresses of IPv4 are.
pub(super) fn is_tree(file: &[u8], metadata: &Metadata) -> bool {
    let (count, size) = (metadata.node_count as usize, usize::from(metadata.record_size) / 4);
    let nodes = file.chunks_exact(size).take(count);
    let four = if metadata.ip_version == 6 { start_of_four(file, count, size) } else { None };
    let mut reached = vec![false; count];
    if let Some(root) = reached.first_mut() {
        *root = true;
    }
    nodes.filter_map(branches).flatten().all(|node| match reached.get_mut(node) {
        Some(reached) => !std::mem::replace(reached, true) || Some(node) == four,
        None => true,
    })
}

/// Returns the node behind the first 96 bits of `::`, if there is one.
fn start_of_four(file: &[u8], count: usize, size: usize) -> Option<usize> {
    let below = |node: usize| {
        let [left, _] = branches(file.get(node * size..(node + 1) * size)?)?;
        Some(left).filter(|left| *left < count)
    };
    (0..96).try_fold(0, |node, _| below(node))
}

/// Returns where the two branches of a node lead: to nodes if that is less than how many there are.
fn branches(node: &[u8]) -> Option<[usize; 2]> {
    let (left, right) = node.split_at_checked(node.len().div_ceil(2))?;
    let short = |high: u8, low: &[u8]| Some([high, *low.first()?, *low.get(1)?, *low.get(2)?]);
    let pair = match node.len() {
        6 => [short(0, left)?, short(0, right)?],
        // Both have four bits of the byte in the middle.
        7 => [short(node[3] >> 4, left)?, short(node[3] & 15, right)?],
        8 => [left.try_into().ok()?, right.try_into().ok()?],
        _ => return None,
    };
    Some(pair.map(|bytes| u32::from_be_bytes(bytes) as usize))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use maxminddb::Reader;

    use super::*;
    use crate::services::geobase::mmdb::{About, Item, Writer};

    /// Returns a file with addresses of both kinds.
    fn file(bits: u16) -> Vec<u8> {
        let mut writer = Writer::new();
        let value = writer.value(&Item::Text("x"));
        for address in ["192.0.2.0", "2001::", "2001:db8::"] {
            let address: IpAddr = address.parse().unwrap();
            writer.network(address, 32, value);
        }
        writer.finish_with(About { kind: "x", languages: &[], description: "x", built: 0 }, bits)
    }

    fn check(file: &[u8]) -> bool {
        is_tree(file, Reader::from_source(file).unwrap().metadata())
    }

    /// Lets the branch of a node that has nothing on this side lead to another node.
    fn lead(file: &mut [u8], from: usize, side: usize, to: usize) {
        let at = from * 6 + side * 3;
        file[at..at + 3].copy_from_slice(&u32::try_from(to).unwrap().to_be_bytes()[1..]);
    }

    #[test]
    fn trees_of_all_sizes_of_records_are_trees() {
        for bits in [24, 28, 32] {
            assert!(check(&file(bits)), "{bits}");
        }
    }

    #[test]
    fn addresses_of_four_may_be_reached_again_and_nothing_else() {
        let file = file(24);
        let count = Reader::from_source(&file[..]).unwrap().metadata().node_count as usize;
        let four = start_of_four(&file, count, 6).unwrap();
        assert_eq!(four, 96, "it was the first address");
        for (to, is_one) in [(four, true), (four + 1, false), (four - 1, false), (0, false)] {
            let mut file = file.clone();
            lead(&mut file, 50, 1, to);
            assert_eq!(check(&file), is_one, "{to}");
        }
    }
}
