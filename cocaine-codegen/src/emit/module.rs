//! The modules of the services, their declarations, and the names that are exported from them.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use super::{OutputKind, docs};
use crate::{model::ServiceModel, naming::ident};

/// Returns the docs of a service's module.
pub(super) fn module_docs(service: &ServiceModel, kind: OutputKind<'_>) -> TokenStream {
    let wire = docs::name(&service.wire_name);
    docs::lines([match kind {
        OutputKind::Bindings => format!("The {wire} service, version {}.", service.version),
        OutputKind::Doubles(_) => format!("A double of the {wire} service, version {}.", service.version),
    }])
}

/// Returns `#[allow(…)]` for crates that use only some of the items, keep the module private, or have it in a module of the
/// same name.
pub(super) fn module_lints() -> TokenStream {
    quote!(#[allow(clippy::module_inception, dead_code, unreachable_pub)])
}

/// Returns `pub use` for the names that are unique among `services`.
pub(super) fn exports(services: &[ServiceModel], kind: OutputKind<'_>) -> TokenStream {
    let mut times = BTreeMap::new();
    for name in services.iter().flat_map(|service| public_names(service, kind)) {
        *times.entry(name).or_insert(0) += 1;
    }
    let mut trees = Vec::new();
    for service in services {
        let module = ident(&service.module);
        let names = public_names(service, kind).into_iter();
        let names: Vec<_> = names.filter(|name| times.get(name) == Some(&1)).map(ident).collect();
        match &names[..] {
            [] => {}
            [name] => trees.push(quote!(#module::#name)),
            names => trees.push(quote!(#module::{#(#names),*})),
        }
    }
    if trees.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #[allow(unused_imports, unreachable_pub)]
        pub use self::{#(#trees),*};
    }
}

/// Returns `pub mod` for each of `services`.
pub(super) fn declarations(services: &[ServiceModel], kind: OutputKind<'_>) -> TokenStream {
    let declare = |service: &ServiceModel| {
        let (docs, lints, module) = (module_docs(service, kind), module_lints(), ident(&service.module));
        quote!(#docs #lints pub mod #module;)
    };
    services.iter().map(declare).collect()
}

/// Returns the names of the public types and traits of a service's module, states of sessions left out, in
/// alphabetical order.
fn public_names<'s>(service: &'s ServiceModel, kind: OutputKind<'_>) -> Vec<&'s str> {
    let names = &service.names;
    if let OutputKind::Doubles(_) = kind {
        return vec![&names.double];
    }
    let mut all = vec![&*names.caller_trait, &*names.client, &*names.serve];
    all.extend(names.server.as_deref());
    all.extend(service.types.iter().map(|own| &*own.name));
    all.sort_unstable();
    all
}
