//! The static table that a connection compares with the methods of its server.

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, literal::integer};
use crate::{
    metadata::tree::{Message, Tree},
    model::{MethodModel, ServiceModel},
    naming::ident,
};

pub(super) fn table(service: &ServiceModel) -> TokenStream {
    let docs = docs::lines([format!(
        "The methods of {}, which are compared with those of the server on connecting.",
        docs::name(&service.wire_name)
    )]);
    let (table, name, version) = (ident(&service.names.table), &service.wire_name, integer(service.version));
    let methods = service.methods.iter().map(method_row);
    quote! {
        #docs
        static #table: ServiceSpec = ServiceSpec { name: #name, version: #version, methods: &[#(#methods),*] };
    }
}

fn method_row(method: &MethodModel) -> TokenStream {
    let (id, name) = (integer(method.id), &method.wire_name);
    let (dispatch, upstream) = (tree(&method.dispatch), tree(&method.upstream));
    let on_drop = ident(if method.revoke_on_drop { "Revoke" } else { "Terminal" });
    quote! {
        MethodSpec {
            id: #id,
            name: #name,
            dispatch: #dispatch,
            upstream: #upstream,
            on_drop: OnDrop::#on_drop,
        }
    }
}

fn tree(tree: &Tree) -> TokenStream {
    match tree {
        Tree::Recurse => quote!(TreeSpec::Recurse),
        _ if *tree == Tree::end() => quote!(TreeSpec::END),
        _ if *tree == Tree::primitive() => quote!(TreeSpec::PRIMITIVE),
        _ if *tree == Tree::streaming() => quote!(TreeSpec::STREAMING),
        Tree::Node(messages) => {
            let rows = messages.iter().map(|(id, Message(name, next))| {
                let (id, next) = (integer(*id), self::tree(next));
                quote!((#id, #name, #next))
            });
            quote!(TreeSpec::Node(&[#(#rows),*]))
        }
    }
}
