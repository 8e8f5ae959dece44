//! From the model to syntax trees: one file an emitted item. Nothing here decides a name.

mod client;
mod contract;
mod docs;
mod imports;
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
    items.extend(syn::parse2::<File>(contract::traits(service))?.items);
    items.push(table::table(service));
    for tokens in [client::client(service), serve::serve(service), states::states(service)] {
        items.extend(syn::parse2::<File>(tokens)?.items);
    }
    Ok(items)
}

/// Returns the module of a service.
pub(crate) fn module(service: &Service) -> syn::Result<Vec<Item>> {
    let (docs, name) = (root::module_docs(service), ident(&service.module));
    let mut module: ItemMod = parse_quote!(#docs pub mod #name {});
    module.content = Some((token::Brace::default(), items(service)?));
    Ok(vec![Item::Mod(module)])
}
