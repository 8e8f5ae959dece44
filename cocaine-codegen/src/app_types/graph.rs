//! Which definitions refer to which.

use std::{cmp::Reverse, collections::BTreeMap};

use cocaine::schema::Definition;

use super::walk::{for_each_name, for_each_type};

/// The definitions, and the references between them.
pub(super) struct TypeGraph<'s> {
    names: Vec<&'s str>,
    /// For each definition, those that its values contain by value.
    inline: Vec<Vec<usize>>,
    /// For each definition, those that it refers to.
    all: Vec<Vec<usize>>,
}

impl<'s> TypeGraph<'s> {
    pub(super) fn new(types: &'s BTreeMap<String, Definition>) -> Self {
        let names: Vec<_> = types.keys().map(String::as_str).collect();
        let indexes: BTreeMap<_, _> = names.iter().enumerate().map(|(index, name)| (*name, index)).collect();
        let (mut inline, mut all) = (Vec::new(), Vec::new());
        for definition in types.values() {
            let (mut inline_names, mut all_names) = (Vec::new(), Vec::new());
            for_each_type(definition, &mut |ty| {
                for_each_name(ty, &mut |name, is_inline| {
                    if let Some(index) = indexes.get(name) {
                        all_names.push(*index);
                        inline_names.extend(is_inline.then_some(*index));
                    }
                });
            });
            inline.push(inline_names);
            all.push(all_names);
        }
        Self { names, inline, all }
    }

    /// Returns which definitions contain one another by value.
    pub(super) fn inline_cycles(&self) -> InlineCycles<'s> {
        let components = components(&self.inline);
        let mut order: Vec<_> = (0..self.names.len()).collect();
        order.sort_by_key(|node| Reverse(components[*node]));
        let is_cycle = |node: usize| {
            self.inline[node].contains(&node)
                || components.iter().filter(|of| **of == components[node]).count() > 1
        };
        let cycles = (0..self.names.len()).filter(|node| is_cycle(*node));
        InlineCycles {
            cycles: cycles.map(|node| (self.names[node], components[node])).collect(),
            order: order.into_iter().map(|node| self.names[node]).collect(),
        }
    }

    /// Returns the length of the longest path through the definitions, in which those of a cycle count together.
    pub(super) fn depth(&self) -> usize {
        let components = components(&self.all);
        let mut sizes = vec![0; self.names.len()];
        for component in &components {
            sizes[*component] += 1;
        }
        let mut depths = vec![0; self.names.len()];
        // A component refers to those with higher numbers.
        let mut order: Vec<_> = (0..self.names.len()).collect();
        order.sort_by_key(|node| components[*node]);
        for node in order.into_iter().rev() {
            let component = components[node];
            let targets = self.all[node].iter().map(|target| components[*target]);
            let below = targets.filter(|target| *target != component).map(|target| depths[target]).max();
            depths[component] = depths[component].max(below.unwrap_or(0) + sizes[component]);
        }
        depths.into_iter().max().unwrap_or(0)
    }
}

/// The definitions that contain one another by value, so that one is behind a `Box` in another.
pub(super) struct InlineCycles<'s> {
    /// The number of the cycle of each definition that is in one.
    pub(super) cycles: BTreeMap<&'s str, usize>,
    /// All definitions. One comes after those that it contains by value, but for those in its cycle.
    pub(super) order: Vec<&'s str>,
}

impl InlineCycles<'_> {
    /// Returns whether two definitions, or one and itself, contain one another.
    pub(super) fn are_in_one(&self, container: &str, name: &str) -> bool {
        let cycle = self.cycles.get(container);
        cycle.is_some() && cycle == self.cycles.get(name)
    }
}

/// Returns the strongly connected component of each node. A component has a lower number than those to which it has edges.
fn components(edges: &[Vec<usize>]) -> Vec<usize> {
    let mut reversed = vec![Vec::new(); edges.len()];
    for (from, targets) in edges.iter().enumerate() {
        for to in targets {
            reversed[*to].push(from);
        }
    }
    let mut components = vec![usize::MAX; edges.len()];
    let mut count = 0;
    for root in finishing_order(edges).into_iter().rev() {
        if components[root] != usize::MAX {
            continue;
        }
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            if components[node] == usize::MAX {
                components[node] = count;
                open.extend(&reversed[node]);
            }
        }
        count += 1;
    }
    components
}

/// Returns the nodes in the order in which a depth-first search leaves them.
fn finishing_order(edges: &[Vec<usize>]) -> Vec<usize> {
    let mut is_seen = vec![false; edges.len()];
    let mut order = Vec::new();
    for root in 0..edges.len() {
        let mut path = if is_seen[root] { Vec::new() } else { vec![(root, 0)] };
        is_seen[root] = true;
        while let Some((node, next)) = path.last_mut() {
            let Some(target) = edges[*node].get(*next) else {
                order.push(*node);
                path.pop();
                continue;
            };
            *next += 1;
            if !is_seen[*target] {
                is_seen[*target] = true;
                path.push((*target, 0));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_numbered_from_the_roots() {
        let edges = [vec![1], vec![2], vec![1, 3], vec![3], vec![0]];
        let components = components(&edges);
        assert_eq!(components[1], components[2]);
        assert!(components[4] < components[0] && components[0] < components[1]);
        assert!(components[1] < components[3]);
    }
}
