//! What stands around the modules of the services.

use std::collections::BTreeMap;

use syn::{Item, parse_quote};

use super::docs;
use crate::{model::Service, naming::ident};

/// Returns the docs of a service's module.
pub(super) fn module_docs(service: &Service) -> docs::Docs {
    docs::lines([format!("The {} service, version {}.", docs::name(&service.wire), service.version)])
}

/// Returns `pub use` for the names that only one of `services` has.
pub(crate) fn exports(services: &[Service]) -> Vec<Item> {
    let mut times = BTreeMap::new();
    for name in services.iter().flat_map(public) {
        *times.entry(name).or_insert(0) += 1;
    }
    let mut items = Vec::new();
    for service in services {
        let module = ident(&service.module);
        let names: Vec<_> = public(service).filter(|name| times.get(name) == Some(&1)).map(ident).collect();
        if !names.is_empty() {
            items.push(parse_quote!(pub use self::#module::{#(#names),*};));
        }
    }
    items
}

/// Returns `pub mod` for each of `services`.
pub(crate) fn declarations(services: &[Service]) -> Vec<Item> {
    services
        .iter()
        .map(|service| {
            let (docs, module) = (module_docs(service), ident(&service.module));
            parse_quote!(#docs pub mod #module;)
        })
        .collect()
}

/// Returns the names for which one comes to a service, in alphabetical order.
fn public(service: &Service) -> impl Iterator<Item = &str> {
    let names = &service.names;
    let mut all = vec![&*names.contract, &*names.client, &*names.serve];
    all.extend(names.server.as_deref());
    all.sort_unstable();
    all.into_iter()
}
