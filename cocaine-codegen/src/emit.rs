//! From the model to syntax trees, and from those to text. Nothing here decides a name.
//!
//! Each file emits one item of a service's module: `contract` the traits, `table` the static table, `client`, `server`,
//! `declared` the types of the catalogue, `session` the states of sessions, `double` the doubles for tests, `imports` the
//! `use` lines. Each returns `syn` items, and `format` lays them out. [`OutputKind::items`] lists them in their order.
//!
//! # How an item is written
//!
//! An item has a fixed frame and parts that are repeated for each method.
//!
//! - The frame is a template: `parse_quote!` or `quote!`, once for an item.
//! - The repeated parts are made by the constructors of [`syntax`], and put into the frame. A constructor is named after
//!   what it makes: `expr_call`, `stmt_let`, `pat_tuple`, `type_generic`, `fn_param`, `item_trait_fn`. Add one there,
//!   with the Rust that it makes as its first doc line, when an emitter needs another.
//!
//! Quoted tokens have to be parsed before they can be laid out, which is why the repeated parts are not quoted. For
//! 1,000 services of 20 methods, turning the finished trees into tokens and parsing those again takes 2.2 to 2.6 times
//! the processor time (3.2 to 3.5 s against 1.2 to 1.6 s, the layout of the text included). That is an upper bound: with
//! quoted tokens the trees would not be built first. Sessions, declared types and doubles are rare or small in such a
//! cloud, so they are quoted as a whole.
//!
//! # To add an item
//!
//! Write a file with one function from [`ServiceModel`] to items, list it in [`OutputKind::items`], add the names that it
//! uses of the runtime to `imports` and to `naming::RUNTIME`, and run the tests with `BLESS=1` to rewrite the golden files.

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
