//! The client: one line a method.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{contract, docs, types};
use crate::{
    model::{Method, Payload, Service, Shape},
    naming::ident,
};

pub(super) fn client(service: &Service) -> TokenStream {
    let structure = structure(service);
    let methods = methods(service);
    let generic = generic(service);
    quote!(#structure #methods #generic)
}

fn structure(service: &Service) -> TokenStream {
    let doc = docs::lines([format!("Calls {}, version {}.", docs::name(&service.wire), service.version)]);
    let (client, table) = (ident(&service.names.client), ident(&service.names.table));
    quote! {
        #doc
        #[derive(Clone, Debug)]
        pub struct #client(Service);

        impl ServiceClient for #client {
            const SPEC: &'static ServiceSpec = &#table;

            fn from_service(service: Service) -> Self {
                Self(service)
            }

            fn service(&self) -> &Service {
                &self.0
            }
        }
    }
}

fn methods(service: &Service) -> TokenStream {
    let (contract, client) = (ident(&service.names.contract), ident(&service.names.client));
    let methods = service.methods.iter().enumerate().map(|(index, method)| typed(index, method));
    quote! {
        impl #contract for #client {
            #(#methods)*
        }
    }
}

fn typed(index: usize, method: &Method) -> TokenStream {
    let name = ident(&method.name);
    let parameters = types::parameters(&method.arguments);
    let output = contract::output(&method.shape);
    let call = call(index, method, &types::passed(&method.arguments));
    if let Shape::Stream(_) = method.shape {
        return quote! {
            #[allow(refining_impl_trait)]
            fn #name(&self #parameters) -> Receiver<#output> { #call }
        };
    }
    quote! {
        async fn #name(&self #parameters) -> Result<#output> { #call.await }
    }
}

fn call(index: usize, method: &Method, args: &TokenStream) -> TokenStream {
    let index = Literal::usize_unsuffixed(index);
    match method.shape {
        Shape::Mute => quote!(self.0.mute(#index, #args)),
        Shape::Unary(_) => quote!(self.0.unary(#index, #args)),
        Shape::Stream(_) => quote!(self.0.stream(#index, #args)),
        Shape::Session { .. } => quote!(self.0.open(#index, #args)),
    }
}

/// The methods that nobody describes, for any arguments and any answer.
fn generic(service: &Service) -> TokenStream {
    let methods: Vec<_> = (service.methods.iter().enumerate())
        .filter(|(_, method)| !method.is_described())
        .map(|(index, method)| untyped(index, method))
        .collect();
    if methods.is_empty() {
        return TokenStream::new();
    }
    let client = ident(&service.names.client);
    let doc = docs::lines([
        "The methods that no catalogue describes, for any arguments and any answer.",
        "",
        "Arguments are a tuple, `()` for none, or one value of another type. A call fails if they cannot be encoded,",
        "as any call does, or if the answer is of another type.",
    ]);
    quote! {
        #doc
        #[allow(clippy::missing_errors_doc)]
        impl #client {
            #(#methods)*
        }
    }
}

fn untyped(index: usize, method: &Method) -> TokenStream {
    let doc = docs::lines([format!("Calls {}.", docs::name(&method.wire))]);
    let (allows, name) = (contract::allows(method, 0), ident(&method.name));
    let output = contract::output(&method.shape);
    let call = call(index, method, &quote!(args));
    match &method.shape {
        Shape::Unary(Payload::Unknown) => quote! {
            #doc
            #allows
            pub async fn #name<R: DeserializeOwned>(&self, args: impl Serialize + Send) -> Result<R> { #call.await }
        },
        Shape::Stream(Payload::Unknown) => quote! {
            #doc
            #allows
            pub fn #name<R: DeserializeOwned>(&self, args: impl Serialize + Send) -> Receiver<R> { #call }
        },
        _ => quote! {
            #doc
            #allows
            pub async fn #name(&self, args: impl Serialize + Send) -> Result<#output> { #call.await }
        },
    }
}
