//! From the model to syntax trees: one file an emitted item. Nothing here decides a name.

mod arguments;
mod client;
mod contract;
mod docs;
mod imports;
mod lints;
mod own;
mod root;
mod serve;
mod states;
mod table;
mod tree;
mod types;

use syn::{File, Item, ItemMod, parse_quote, token};

pub(crate) use root::{declarations, exports};

use crate::{model::Service, naming::ident};

/// Returns the items of a service's module.
pub(crate) fn items(service: &Service) -> syn::Result<Vec<Item>> {
    let mut items = imports::of(service);
    items.extend(contract::traits(service));
    items.extend(syn::parse2::<File>(own::types(&service.types))?.items);
    items.push(table::table(service));
    items.extend(client::client(service));
    items.extend(serve::serve(service));
    items.extend(syn::parse2::<File>(states::states(service))?.items);
    Ok(items)
}

/// Returns the module of a service.
pub(crate) fn module(service: &Service) -> syn::Result<Vec<Item>> {
    let (docs, lints, name) = (root::module_docs(service), root::module_lints(), ident(&service.module));
    let mut module: ItemMod = parse_quote!(#docs #lints pub mod #name {});
    module.content = Some((token::Brace::default(), items(service)?));
    Ok(vec![Item::Mod(module)])
}
