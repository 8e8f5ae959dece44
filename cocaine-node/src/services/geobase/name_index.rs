//! Finds regions by name.

use std::{collections::HashSet, ops::ControlFlow};

use super::tree::RegionTree;

/// Lower-case names with the positions of their regions, sorted by name and then by region, the larger first.
#[derive(Debug)]
pub(super) struct NameIndex(Vec<(Box<str>, u32)>);

impl NameIndex {
    pub(super) fn new(tree: &RegionTree) -> Self {
        let mut names = Vec::new();
        for (at, region) in (0..).zip(tree.regions()) {
            names.extend(region.names.iter().map(|(_, name)| (fold_case(name), at)));
        }
        names.sort_unstable_by(|(left, one), (right, other)| {
            let rank = |at: u32| (tree.region(at).kind, tree.region(at).id);
            left.cmp(right).then_with(|| rank(*one).cmp(&rank(*other)))
        });
        names.dedup();
        names.shrink_to_fit();
        Self(names)
    }

    /// Returns at most `max` regions: those with this name in any language, then those with a name that starts with it.
    pub(super) fn find(&self, name: &str, max: usize) -> Vec<u32> {
        let name = fold_case(name);
        if name.is_empty() || max == 0 {
            return Vec::new();
        }
        let start = self.0.partition_point(|(known, _)| **known < *name);
        // The name itself sorts before all longer names that start with it.
        let found = self.0[start..].iter().take_while(|(known, _)| known.starts_with(&*name));
        let (mut seen, mut regions) = (HashSet::new(), Vec::new());
        let _ = { found }.try_for_each(|(_, at)| {
            if seen.insert(*at) {
                regions.push(*at);
            }
            if regions.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        regions
    }
}

fn fold_case(name: &str) -> Box<str> {
    name.to_lowercase().into()
}
