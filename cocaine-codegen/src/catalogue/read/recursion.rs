//! Types that contain themselves.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;

use super::CatalogueReader;
use crate::catalogue::{DeclaredType, types::Type};

impl CatalogueReader<'_> {
    /// Reports the types of a value that would contain a value of the same type, and so be of infinite size; `spans` are
    /// the places of `types`.
    pub(super) fn reject_recursion(&mut self, types: &[DeclaredType], spans: &BTreeMap<String, Span>) {
        let contained: BTreeMap<&str, Vec<&str>> =
            types.iter().map(|declared| (declared.name.as_str(), contained_types(declared))).collect();
        for name in recursive_types(&contained) {
            if let Some(span) = spans.get(name) {
                let message = format!(
                    "a value of `{name}` contains another `{name}`, and so has no end: put the inner one in a `Vec`"
                );
                self.report(*span, message);
            }
        }
    }
}

/// Returns the names of the declared types whose values are within one of `declared`, and not behind a pointer.
fn contained_types(declared: &DeclaredType) -> Vec<&str> {
    let mut names = Vec::new();
    for ty in declared.types() {
        add_contained(ty, &mut names);
    }
    names
}

fn add_contained<'t>(ty: &'t Type, names: &mut Vec<&'t str>) {
    match ty {
        Type::Declared(name) => names.push(name),
        Type::Option(inner) => add_contained(inner, names),
        Type::Tuple(items) => items.iter().for_each(|item| add_contained(item, names)),
        // The elements of a `Vec` and a map are behind a pointer.
        _ => {}
    }
}

/// Returns one type of each circle.
fn recursive_types<'n>(contained: &BTreeMap<&'n str, Vec<&'n str>>) -> Vec<&'n str> {
    let mut recursive = Vec::new();
    let mut finished = BTreeSet::new();
    for start in contained.keys() {
        let mut open = BTreeSet::new();
        // A type, and those in it that have not been visited. The depth is the user's, so that this does not recurse.
        let mut path: Vec<(&str, &[&str])> = Vec::new();
        let mut next = Some(*start);
        loop {
            if let Some(name) = next.take().filter(|name| !finished.contains(name)) {
                if open.insert(name) {
                    path.push((name, contained.get(name).map_or(&[], Vec::as_slice)));
                } else {
                    recursive.push(name);
                }
            }
            let Some((name, rest)) = path.last_mut() else {
                break;
            };
            if let Some((first, others)) = rest.split_first() {
                (next, *rest) = (Some(*first), others);
            } else {
                open.remove(name);
                finished.insert(*name);
                path.pop();
            }
        }
    }
    recursive.sort_unstable();
    recursive.dedup();
    recursive
}
