//! What stands in place of an item with mistakes: the item, and what others need of it, so that nothing follows from them.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Generics, ItemFn, ItemImpl};

use crate::{expand, model};

/// Returns the function, and its struct as an event that does nothing.
pub(crate) fn function(item: &ItemFn) -> TokenStream {
    // A method stands in an `impl` block, where there is no place for more.
    if item.sig.receiver().is_some() {
        return quote!(#item);
    }
    let marker = expand::marker(item);
    let events = silent(&item.attrs, &Generics::default(), &item.sig.ident);
    quote! { #item #marker #events }
}

/// Returns the block, and events that do nothing.
pub(crate) fn block(item: ItemImpl) -> TokenStream {
    let item = model::without_settings(item);
    if item.trait_.is_some() {
        return quote!(#item);
    }
    let events = silent(&item.attrs, &item.generics, &item.self_ty);
    quote! { #item #events }
}

fn silent(attributes: &[Attribute], generics: &Generics, ty: &impl ToTokens) -> TokenStream {
    let conditions = model::conditions(attributes);
    let (generics, _, clause) = generics.split_for_impl();
    quote! {
        #(#conditions)*
        #[automatically_derived]
        impl #generics ::cocaine::Events for #ty #clause {
            fn register(self, _: &mut ::cocaine::bind::event::HandlerRegistry) {}
        }
    }
}
