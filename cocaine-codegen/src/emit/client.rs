//! The client, whose methods are one line each.

use proc_macro2::TokenStream;
use quote::quote;

use super::{arguments, docs, lints, literal::integer, traits, types};
use crate::{
    model::{CallModel, MethodModel, Payload, ServiceModel},
    naming::ident,
};

pub(super) fn client(service: &ServiceModel) -> TokenStream {
    let [caller_trait, client, table] =
        [&service.names.caller_trait, &service.names.client, &service.names.table].map(|name| ident(name));
    let docs =
        docs::lines([format!("Calls {}, version {}.", docs::name(&service.wire_name), service.version)]);
    let methods = (0..).zip(&service.methods).map(|(index, method)| typed_method(index, method));
    let untyped = untyped_methods(service);
    quote! {
        #docs
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

        impl #caller_trait for #client {
            #(#methods)*
        }

        #untyped
    }
}

fn typed_method(index: u64, method: &MethodModel) -> TokenStream {
    let (name, parameters) = (ident(&method.name), types::parameters(&method.arguments));
    let output = traits::output_type(&method.shape);
    let call = call(index, method, &arguments::encoded_value(&method.arguments));
    if let CallModel::Stream(_) = method.shape {
        return quote! {
            #[allow(refining_impl_trait)]
            fn #name(&self #(, #parameters)*) -> Receiver<#output> { #call }
        };
    }
    let reply = awaited_reply(method, &call);
    quote!(async fn #name(&self #(, #parameters)*) -> Result<#output> { #reply })
}

/// Returns the reply of `call`, taken out of the wrapper that it has on the wire.
fn awaited_reply(method: &MethodModel, call: &TokenStream) -> TokenStream {
    let wrapper = match method.shape {
        CallModel::Unary(wrapper, _) => wrapper.name().map(ident),
        _ => None,
    };
    let unwrap = wrapper.map(|wrapper| quote!(.map(|#wrapper(answer)| answer)));
    quote!(#call.await #unwrap)
}

/// Returns the call of the runtime that the shape of the method takes.
fn call(index: u64, method: &MethodModel, args: &TokenStream) -> TokenStream {
    let index = integer(index);
    let function = ident(match method.shape {
        CallModel::Mute => "send",
        CallModel::Unary(..) => "call",
        CallModel::Stream(_) => "stream",
        CallModel::Guard => return quote!(Guard::acquire(&self.0, #index, #args)),
        CallModel::Session { .. } => "open",
    });
    quote!(self.0.#function(#index, #args))
}

/// Returns the methods that the catalogue does not describe, for arguments and replies of any type.
fn untyped_methods(service: &ServiceModel) -> Option<TokenStream> {
    let methods = (0..).zip(&service.methods).filter(|(_, method)| !method.is_described());
    let methods: Vec<_> = methods.map(|(index, method)| untyped_method(index, method)).collect();
    if methods.is_empty() {
        return None;
    }
    let client = ident(&service.names.client);
    let docs = docs::lines([
        "The methods that no catalogue describes, for arguments of any type.",
        "",
        "The arguments are a tuple, `()` for none, or one value of another type. The caller chooses the type of the",
        "answer. A call fails if the arguments cannot be encoded, or if the answer is of another type.",
    ]);
    Some(quote! {
        #docs
        #[allow(clippy::missing_errors_doc)]
        impl #client {
            #(#methods)*
        }
    })
}

fn untyped_method(index: u64, method: &MethodModel) -> TokenStream {
    let line = format!("Calls {}.", docs::name(&method.wire_name));
    let docs = docs::or_line_with_name(&method.docs, &line, &method.name, &method.wire_name);
    let lints = lints::allow_for_inherent_method(method);
    let name = ident(&method.name);
    let call = call(index, method, &quote!(args));
    let function = match &method.shape {
        CallModel::Unary(_, Payload::Unknown) => quote! {
            async fn #name<R: DeserializeOwned>(&self, args: impl Serialize + Send) -> Result<R> { #call.await }
        },
        CallModel::Stream(Payload::Unknown) => quote! {
            fn #name<R: DeserializeOwned>(&self, args: impl Serialize + Send) -> Receiver<R> { #call }
        },
        CallModel::Stream(known) => {
            let item = types::received_type(known);
            quote!(fn #name(&self, args: impl Serialize + Send) -> Receiver<#item> { #call })
        }
        shape => {
            let (output, reply) = (traits::output_type(shape), awaited_reply(method, &call));
            quote!(async fn #name(&self, args: impl Serialize + Send) -> Result<#output> { #reply })
        }
    };
    quote!(#docs #lints pub #function)
}
