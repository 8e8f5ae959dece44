//! What stands around the modules of the services.

use std::collections::BTreeMap;

use syn::{Attribute, Item, UseTree, parse_quote};

use super::{OutputKind, docs};
use crate::{model::ServiceModel, naming::ident};

/// Returns the docs of a service's module.
pub(super) fn module_docs(service: &ServiceModel, part: OutputKind<'_>) -> docs::DocComment {
    let wire = docs::name(&service.wire);
    docs::lines([match part {
        OutputKind::Bindings => format!("The {wire} service, version {}.", service.version),
        OutputKind::Doubles(_) => format!("A double of the {wire} service, version {}.", service.version),
    }])
}

/// Returns what keeps the compiler silent where a crate uses only some of the items, or keeps them to itself.
pub(super) fn module_lints() -> Attribute {
    parse_quote!(#[allow(dead_code, unreachable_pub)])
}

/// Returns `pub use` for the names that only one of `services` has.
pub(super) fn exports(services: &[ServiceModel], part: OutputKind<'_>) -> Vec<Item> {
    let mut times = BTreeMap::new();
    for name in services.iter().flat_map(|service| public(service, part)) {
        *times.entry(name).or_insert(0) += 1;
    }
    let mut trees: Vec<UseTree> = Vec::new();
    for service in services {
        let module = ident(&service.module);
        let names = public(service, part).into_iter();
        let names: Vec<_> = names.filter(|name| times.get(name) == Some(&1)).map(ident).collect();
        match &names[..] {
            [] => {}
            [name] => trees.push(parse_quote!(#module::#name)),
            names => trees.push(parse_quote!(#module::{#(#names),*})),
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
pub(super) fn declarations(services: &[ServiceModel], part: OutputKind<'_>) -> Vec<Item> {
    let declare = |service: &ServiceModel| {
        let (docs, lints, module) = (module_docs(service, part), module_lints(), ident(&service.module));
        parse_quote!(#docs #lints pub mod #module;)
    };
    services.iter().map(declare).collect()
}

/// Returns the names for which one comes to a service, in alphabetical order.
fn public<'s>(service: &'s ServiceModel, part: OutputKind<'_>) -> Vec<&'s str> {
    let names = &service.names;
    if let OutputKind::Doubles(_) = part {
        return vec![&names.double];
    }
    let mut all = vec![&*names.contract, &*names.client, &*names.serve];
    all.extend(names.server.as_deref());
    all.extend(service.types.iter().map(|own| &*own.name));
    all.sort_unstable();
    all
}
