//! Checks that the search tree of a file is a tree.
//!
//! If branches join again, the number of paths through the nodes can grow exponentially, and a walk over all networks
//! never ends. Files join branches in one place for good reason: the IPv4 addresses, which IPv6 contains under several
//! prefixes. A walk enters that subtree once.

use maxminddb::Metadata;

/// Returns whether no node but the root of the IPv4 addresses is reached by two branches.
pub(super) fn is_tree(file: &[u8], metadata: &Metadata) -> bool {
    let (count, size) = (metadata.node_count as usize, usize::from(metadata.record_size) / 4);
    let nodes = file.chunks_exact(size).take(count);
    let ipv4 = if metadata.ip_version == 6 { ipv4_start(file, count, size) } else { None };
    let mut reached = vec![false; count];
    if let Some(root) = reached.first_mut() {
        *root = true;
    }
    nodes.filter_map(branches).flatten().all(|node| match reached.get_mut(node) {
        Some(reached) => !std::mem::replace(reached, true) || Some(node) == ipv4,
        None => true,
    })
}

/// Returns the root of the IPv4 addresses: the node after the first 96 bits of `::`, if there is one.
fn ipv4_start(file: &[u8], count: usize, size: usize) -> Option<usize> {
    let left_child = |node: usize| {
        let [left, _] = branches(file.get(node * size..(node + 1) * size)?)?;
        Some(left).filter(|left| *left < count)
    };
    (0..96).try_fold(0, |node, _| left_child(node))
}

/// Returns the two records of a node. A record below the node count is the number of a node.
fn branches(node: &[u8]) -> Option<[usize; 2]> {
    let (left, right) = node.split_at_checked(node.len().div_ceil(2))?;
    let short = |high: u8, low: &[u8]| Some([high, *low.first()?, *low.get(1)?, *low.get(2)?]);
    let pair = match node.len() {
        6 => [short(0, left)?, short(0, right)?],
        // The byte in the middle holds four bits of each record.
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
    use crate::services::geobase::mmdb::{MmdbMetadata, MmdbValue, MmdbWriter};

    /// Returns a file with IPv4 and IPv6 addresses.
    fn file(bits: u16) -> Vec<u8> {
        let mut writer = MmdbWriter::new();
        let value = writer.value(&MmdbValue::Text("x"));
        for address in ["192.0.2.0", "2001::", "2001:db8::"] {
            let address: IpAddr = address.parse().unwrap();
            writer.network(address, 32, value);
        }
        writer.finish_with(MmdbMetadata { kind: "x", languages: &[], description: "x", built: 0 }, bits)
    }

    fn check(file: &[u8]) -> bool {
        is_tree(file, Reader::from_source(file).unwrap().metadata())
    }

    /// Makes the empty branch of a node on this side point to another node.
    fn redirect_branch(file: &mut [u8], from: usize, side: usize, to: usize) {
        let at = from * 6 + side * 3;
        file[at..at + 3].copy_from_slice(&u32::try_from(to).unwrap().to_be_bytes()[1..]);
    }

    #[test]
    fn trees_of_every_record_size_pass() {
        for bits in [24, 28, 32] {
            assert!(check(&file(bits)), "{bits}");
        }
    }

    #[test]
    fn only_ipv4_root_may_be_reached_twice() {
        let file = file(24);
        let count = Reader::from_source(&file[..]).unwrap().metadata().node_count as usize;
        let ipv4 = ipv4_start(&file, count, 6).unwrap();
        assert_eq!(ipv4, 96, "it was the first address");
        for (to, passes) in [(ipv4, true), (ipv4 + 1, false), (ipv4 - 1, false), (0, false)] {
            let mut file = file.clone();
            redirect_branch(&mut file, 50, 1, to);
            assert_eq!(check(&file), passes, "{to}");
        }
    }
}
