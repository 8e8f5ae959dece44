//! Generated code compared with what would be generated now.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens as _;
use syn::{Item, TraitItem};

use super::{Difference, Grade, compare, difference, read_tables};
use crate::{
    error::{Problem, Result},
    syntax,
};

/// Returns what differs between generated code and the code that would be generated now.
///
/// That is what [`compare`] finds between their tables; if it finds nothing, the methods whose docs, names or types
/// differ.
pub fn compare_code(have: &str, now: &str) -> Result<Vec<Difference>> {
    if have == now {
        return Ok(Vec::new());
    }
    let differences = compare(&read_tables(have)?, &read_tables(now)?);
    if !differences.is_empty() {
        return Ok(differences);
    }
    let (have, now) = (traits(have)?, traits(now)?);
    let names: BTreeSet<_> = have.keys().chain(now.keys()).collect();
    let mut differences: Vec<_> = (names.into_iter())
        .filter(|name| have.get(*name) != now.get(*name))
        .map(|(trait_name, method)| {
            let text = match (
                have.contains_key(&(trait_name.clone(), method.clone())),
                now.contains_key(&(trait_name.clone(), method.clone())),
            ) {
                (true, true) => "its docs, arguments or answer are described differently now",
                (true, false) => "it has another name now",
                (false, _) => "it is not there yet",
            };
            difference(Grade::Code, trait_name, Some(method), text)
        })
        .collect();
    if differences.is_empty() {
        let text = "only what is around the traits differs: the generator is another, or the file was edited";
        differences.push(difference(Grade::Code, "(all)", None, text));
    }
    Ok(differences)
}

type MethodsByName = BTreeMap<(String, String), String>;

/// Returns the methods of all traits, by trait and name, as text.
fn traits(code: &str) -> Result<MethodsByName> {
    syntax::read(code, |file: syn::Result<syn::File>| {
        let file = file.map_err(|error| Problem::Metadata(error.to_string()))?;
        let mut methods = BTreeMap::new();
        collect(&file.items, &mut methods);
        Ok(methods)
    })
}

fn collect(items: &[Item], methods: &mut MethodsByName) {
    for item in items {
        match item {
            Item::Mod(module) => collect(module.content.as_ref().map_or(&[], |content| &content.1), methods),
            Item::Trait(found) => {
                for item in &found.items {
                    if let TraitItem::Fn(method) = item {
                        let name = (found.ident.to_string(), method.sig.ident.to_string());
                        methods.insert(name, method.to_token_stream().to_string());
                    }
                }
            }
            _ => {}
        }
    }
}
