//! From the model to tokens: one file an emitted item. Nothing here can fail, and nothing here decides a name.

mod client;
mod contract;
mod docs;
mod imports;
mod root;
mod serve;
mod states;
mod table;
mod types;

use proc_macro2::TokenStream;
use quote::quote;

pub(crate) use root::{declarations, exports};

use crate::{model::Service, naming::ident};

/// Returns the items of a service's module.
pub(crate) fn items(service: &Service) -> TokenStream {
    let traits = contract::traits(service);
    let table = table::table(service);
    let client = client::client(service);
    let serve = serve::serve(service);
    let states = states::states(service);
    let items = quote!(#traits #table #client #serve #states);
    let imports = imports::of(&items);
    quote!(#imports #items)
}

/// Returns the module of a service.
pub(crate) fn module(service: &Service) -> TokenStream {
    let (docs, name, items) = (root::module_docs(service), ident(&service.module), items(service));
    quote! {
        #docs
        pub mod #name {
            #items
        }
    }
}
