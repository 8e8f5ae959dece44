//! Regions by their names.

use std::{collections::HashSet, ops::ControlFlow};

use super::tree::Tree;

/// Names without their case, sorted; those of one name with the larger regions first.
#[derive(Debug)]
pub(super) struct Names(Vec<(Box<str>, u32)>);

impl Names {
    pub(super) fn new(tree: &Tree) -> Self {
        let mut names = Vec::new();
        for (at, region) in (0..).zip(tree.regions()) {
            names.extend(region.names.iter().map(|(_, name)| (folded(name), at)));
        }
        names.sort_unstable_by(|(left, one), (right, other)| {
            let rank = |at: u32| (tree.region(at).kind, tree.region(at).id);
            left.cmp(right).then_with(|| rank(*one).cmp(&rank(*other)))
        });
        names.dedup();
        names.shrink_to_fit();
        Self(names)
    }

    /// Returns at most `max` regions that have the name in any language, and after them those one of whose names starts
    /// so.
    pub(super) fn find(&self, name: &str, max: usize) -> Vec<u32> {
        let name = folded(name);
        if name.is_empty() || max == 0 {
            return Vec::new();
        }
        let start = self.0.partition_point(|(known, _)| **known < *name);
        // The name itself is the first of those that start with it.
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

fn folded(name: &str) -> Box<str> {
    name.to_lowercase().into()
}
