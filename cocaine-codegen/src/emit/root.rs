//! What stands around the modules of the services.

use std::collections::BTreeMap;

use syn::{Attribute, Item, UseTree, parse_quote};

use super::docs;
use crate::{model::Service, naming::ident};

/// Returns the docs of a service's module.
pub(super) fn module_docs(service: &Service) -> docs::Docs {
    docs::lines([format!("The {} service, version {}.", docs::name(&service.wire), service.version)])
}

/// Returns what keeps the compiler silent where a crate uses only some of the items, or keeps them to itself.
pub(super) fn module_lints() -> Attribute {
    parse_quote!(#[allow(dead_code, unreachable_pub)])
}

/// Returns `pub use` for the names that only one of `services` has.
pub(crate) fn exports(services: &[Service]) -> Vec<Item> {
    let mut times = BTreeMap::new();
    for name in services.iter().flat_map(public) {
        *times.entry(name).or_insert(0) += 1;
    }
    let mut trees: Vec<UseTree> = Vec::new();
    for service in services {
        let module = ident(&service.module);
        let names: Vec<_> = public(service).filter(|name| times.get(name) == Some(&1)).map(ident).collect();
        if !names.is_empty() {
            trees.push(parse_quote!(#module::{#(#names),*}));
        }
    }
    if trees.is_empty() {
        return Vec::new();
    }
    vec![parse_quote! {
        #[allow(unused_imports, unreachable_pub)]
        pub use self::{#(#trees),*};
    }]
}

/// Returns `pub mod` for each of `services`.
pub(crate) fn declarations(services: &[Service]) -> Vec<Item> {
    let declare = |service| {
        let (docs, lints, module) = (module_docs(service), module_lints(), ident(&service.module));
        parse_quote!(#docs #lints pub mod #module;)
    };
    services.iter().map(declare).collect()
}

/// Returns the names for which one comes to a service, in alphabetical order.
fn public(service: &Service) -> impl Iterator<Item = &str> {
    let names = &service.names;
    let mut all = vec![&*names.contract, &*names.client, &*names.serve];
    all.extend(names.server.as_deref());
    all.extend(service.types.iter().map(|own| &*own.name));
    all.sort_unstable();
    all.into_iter()
}
