//! The expansion of an item with errors: the item, and an empty implementation of `Events`, so that code that uses the
//! item causes no further errors.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Generics, ItemFn, ItemImpl};

use crate::{expand, model};

/// Returns the function, and the struct of its name with an empty implementation of `Events`.
pub(crate) fn function(item: &ItemFn) -> TokenStream {
    // The function is a method: an `impl` block cannot contain a struct.
    if item.sig.receiver().is_some() {
        return quote!(#item);
    }
    let marker = expand::marker_struct(item);
    let events = empty_events_impl(&item.attrs, &Generics::default(), &item.sig.ident);
    quote! { #item #marker #events }
}

/// Returns the block, and an empty implementation of `Events` for its type.
pub(crate) fn block(item: ItemImpl) -> TokenStream {
    let item = model::without_event_attributes(item);
    if item.trait_.is_some() {
        return quote!(#item);
    }
    let events = empty_events_impl(&item.attrs, &item.generics, &item.self_ty);
    quote! { #item #events }
}

fn empty_events_impl(attributes: &[Attribute], generics: &Generics, ty: &impl ToTokens) -> TokenStream {
    let cfgs = model::cfg_attributes(attributes);
    let (generics, _, clause) = generics.split_for_impl();
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #generics ::cocaine::Events for #ty #clause {
            fn register(self, _: &mut ::cocaine::bind::event::HandlerRegistry) {}

            fn describe(_: &mut ::cocaine::bind::event::HandlerRegistry) {}
        }
    }
}
