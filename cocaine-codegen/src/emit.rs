//! From the model to syntax trees: one file an emitted item. Nothing here decides a name.

mod arguments;
mod client;
mod contract;
mod declared;
mod docs;
mod double;
pub(crate) mod format;
mod imports;
mod lints;
mod module;
mod server;
mod session;
mod syntax;
mod table;
mod types;

use syn::{File, Item, ItemMod, Path, parse_quote, token};

use crate::{
    error::{Problem, Result},
    model::ServiceModel,
    naming::ident,
};

/// What is emitted of each service.
#[derive(Clone, Copy)]
pub(crate) enum OutputKind<'a> {
    /// Traits, clients, serving sides.
    Bindings,
    /// Doubles for the bindings in the module of this path.
    Doubles(&'a str),
}

impl<'a> OutputKind<'a> {
    /// Returns the doubles for the bindings at `path`, if that is the path of a module.
    pub(crate) fn doubles_of(path: &'a str) -> Result<Self> {
        let full = |path: &Path| {
            let first = path.segments.first().map(|segment| segment.ident.to_string());
            path.leading_colon.is_some() || first.is_some_and(|first| first == "crate")
        };
        let parsed = syn::parse_str::<Path>(path);
        let plain = parsed.is_ok_and(|parsed| {
            full(&parsed) && parsed.segments.iter().all(|segment| segment.arguments.is_none())
        });
        if plain { Ok(Self::Doubles(path)) } else { Err(Problem::Path(path.to_owned()).into()) }
    }

    /// Returns the items of a service's module.
    pub(crate) fn items(self, service: &ServiceModel) -> syn::Result<Vec<Item>> {
        match self {
            Self::Bindings => bindings(service),
            Self::Doubles(path) => double::double(service, &syn::parse_str(path)?),
        }
    }

    /// Returns the module of a service.
    pub(crate) fn module(self, service: &ServiceModel) -> syn::Result<Vec<Item>> {
        let (docs, lints, name) =
            (module::module_docs(service, self), module::module_lints(), ident(&service.module));
        let mut module: ItemMod = parse_quote!(#docs #lints pub mod #name {});
        module.content = Some((token::Brace::default(), self.items(service)?));
        Ok(vec![Item::Mod(module)])
    }

    /// Returns `pub use` for the names that only one of `services` has.
    pub(crate) fn exports(self, services: &[ServiceModel]) -> Vec<Item> {
        module::exports(services, self)
    }

    /// Returns `pub mod` for each of `services`.
    pub(crate) fn declarations(self, services: &[ServiceModel]) -> Vec<Item> {
        module::declarations(services, self)
    }
}

fn bindings(service: &ServiceModel) -> syn::Result<Vec<Item>> {
    let mut items = imports::of(service);
    items.extend(contract::traits(service));
    items.extend(syn::parse2::<File>(declared::types(&service.types))?.items);
    items.push(table::table(service));
    items.extend(client::client(service));
    items.extend(server::serve(service));
    items.extend(syn::parse2::<File>(session::states(service))?.items);
    Ok(items)
}
