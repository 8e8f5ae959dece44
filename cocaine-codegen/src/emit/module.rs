//! The modules of services and apps, their declarations, and the names that are exported from them.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use super::{OutputKind, app, docs};
use crate::{
    model::{ModuleModel, ServiceModel},
    naming::ident,
};

/// Returns the docs of a module.
pub(super) fn module_docs(model: &ModuleModel, kind: OutputKind<'_>) -> TokenStream {
    match model {
        ModuleModel::Service(service) => service_docs(service, kind),
        ModuleModel::App(app) => app::module_docs(app, kind),
    }
}

fn service_docs(service: &ServiceModel, kind: OutputKind<'_>) -> TokenStream {
    let wire = docs::name(&service.wire_name);
    docs::lines([match kind {
        OutputKind::Bindings => format!("The {wire} service, version {}.", service.version),
        OutputKind::Doubles(_) => format!("A double of the {wire} service, version {}.", service.version),
    }])
}

/// Returns `#[allow(…)]` for crates that use only some of the items, keep the module private, or have it in a module of the
/// same name. The names of an app's arguments are as similar as they are, and its types are what
/// the schema says.
pub(super) fn module_lints(model: &ModuleModel) -> TokenStream {
    let names = matches!(model, ModuleModel::App(_))
        .then(|| quote!(clippy::many_single_char_names, clippy::option_option, clippy::similar_names,));
    quote!(#[allow(clippy::module_inception, #names dead_code, unreachable_pub)])
}

/// Returns `pub use` for the names that are unique among `models`.
pub(super) fn exports(models: &[ModuleModel], kind: OutputKind<'_>) -> TokenStream {
    let mut times = BTreeMap::new();
    for name in models.iter().flat_map(|model| public_names(model, kind)) {
        *times.entry(name).or_insert(0) += 1;
    }
    let mut trees = Vec::new();
    for model in models {
        let module = ident(model.module());
        let names = public_names(model, kind).into_iter();
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

/// Returns `pub mod` for each of `models`.
pub(super) fn declarations(models: &[ModuleModel], kind: OutputKind<'_>) -> TokenStream {
    let declare = |model: &ModuleModel| {
        let (docs, lints, module) = (module_docs(model, kind), module_lints(model), ident(model.module()));
        quote!(#docs #lints pub mod #module;)
    };
    models.iter().map(declare).collect()
}

/// Returns the names of the public types and traits of a module, in alphabetical order.
fn public_names<'m>(model: &'m ModuleModel, kind: OutputKind<'_>) -> Vec<&'m str> {
    match (model, kind) {
        (ModuleModel::Service(service), _) => service_names(service, kind),
        (ModuleModel::App(app), OutputKind::Bindings) => app::public_names(app),
        (ModuleModel::App(app), OutputKind::Doubles(_)) => vec![&app.names.double],
    }
}

/// Returns the names of the public types and traits of a service's module, states of sessions left out, in
/// alphabetical order.
fn service_names<'s>(service: &'s ServiceModel, kind: OutputKind<'_>) -> Vec<&'s str> {
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
