//! The static table against which a connection is held.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::docs;
use crate::{
    model::{Method, Service},
    naming::ident,
    tree::{Kind, Message, Tree},
};

pub(super) fn table(service: &Service) -> TokenStream {
    let doc = docs::lines([format!(
        "The methods of {}, which a connection is held against.",
        docs::name(&service.wire)
    )]);
    let (table, name) = (ident(&service.names.table), &service.wire);
    let version = Literal::u64_unsuffixed(service.version);
    let methods = service.methods.iter().map(row);
    quote! {
        #doc
        static #table: ServiceSpec = ServiceSpec { name: #name, version: #version, methods: &[#(#methods),*] };
    }
}

fn row(method: &Method) -> TokenStream {
    let (id, name) = (Literal::u64_unsuffixed(method.id), &method.wire);
    let (dispatch, upstream) = (tree(&method.dispatch), tree(&method.upstream));
    let on_drop = if method.revoke_on_drop { quote!(Revoke) } else { quote!(Terminal) };
    quote! {
        MethodSpec { id: #id, name: #name, dispatch: #dispatch, upstream: #upstream, on_drop: OnDrop::#on_drop }
    }
}

fn tree(tree: &Tree) -> TokenStream {
    match (tree.kind(), tree) {
        (Kind::End, _) => quote!(TreeSpec::END),
        (Kind::Primitive, _) => quote!(TreeSpec::PRIMITIVE),
        (Kind::Streaming, _) => quote!(TreeSpec::STREAMING),
        (_, Tree::Recurse) => quote!(TreeSpec::Recurse),
        (_, Tree::Node(messages)) => {
            let rows = messages.iter().map(|(id, Message(name, next))| {
                let (id, next) = (Literal::u64_unsuffixed(*id), self::tree(next));
                quote!((#id, #name, #next))
            });
            quote!(TreeSpec::Node(&[#(#rows),*]))
        }
    }
}
