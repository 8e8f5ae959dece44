//! The traits: what a caller calls, and what a server implements.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{arguments, docs, lints, types};
use crate::{
    model::{Arguments, CallModel, MethodModel, ServiceModel, SideModel},
    naming::ident,
};

/// The names of the two arguments that only a server's method has.
const HALVES: [&str; 2] = ["input", "output"];

pub(super) fn traits(service: &ServiceModel) -> TokenStream {
    let mut traits = caller_trait(service);
    traits.extend(service.names.server.as_deref().map(|name| server_trait(service, name)));
    traits
}

fn caller_trait(service: &ServiceModel) -> TokenStream {
    let wire = docs::name(&service.wire_name);
    let fallback =
        format!("The {wire} service. No catalogue describes it: what it takes and answers is untyped.");
    let docs = docs::or_line(&service.docs, &fallback);
    let lints = lints::allow_for_trait(&service.names.caller_trait, &service.methods);
    let name = ident(&service.names.caller_trait);
    let methods = service.methods.iter().map(|method| caller_method(method, &caller_attributes(method)));
    quote!(#docs #lints pub trait #name { #(#methods)* })
}

fn server_trait(service: &ServiceModel, name: &str) -> TokenStream {
    let docs = docs::lines([
        format!("Implemented by a server of {}.", docs::name(&service.wire_name)),
        String::new(),
        format!(
            "It differs from [`{}`] in the methods that open a session: these receive what the",
            service.names.caller_trait
        ),
        "caller sends, and send the answers. If one returns `Err`, the connection is closed.".to_owned(),
    ]);
    let (lints, name) = (lints::allow_for_trait(name, &service.methods), ident(name));
    let methods = service.methods.iter().map(|method| match &method.shape {
        CallModel::Session { tx, rx } => session_method(service, method, tx, rx),
        _ => caller_method(method, &server_attributes(service, method, 0)),
    });
    quote!(#docs #lints pub trait #name { #(#methods)* })
}

/// Returns a method as a caller calls it.
fn caller_method(method: &MethodModel, attributes: &TokenStream) -> TokenStream {
    let (name, parameters) = (ident(&method.name), types::parameters(&method.arguments));
    let output = match &method.shape {
        CallModel::Stream(payload) => {
            let item = types::received_type(payload);
            quote!(impl Stream<Item = Result<#item>> + Send + 'static + use<Self>)
        }
        shape => {
            let output = output_type(shape);
            quote!(impl Future<Output = Result<#output>> + Send)
        }
    };
    quote!(#attributes fn #name(&self #(, #parameters)*) -> #output;)
}

/// Returns a method as a server implements it, with the two halves of the session.
fn session_method(
    service: &ServiceModel,
    method: &MethodModel,
    tx: &SideModel,
    rx: &SideModel,
) -> TokenStream {
    let attributes = server_attributes(service, method, HALVES.len());
    let (name, parameters) = (ident(&method.name), types::parameters(&method.arguments));
    let [input, output] = half_names(&method.arguments);
    let (receiver, sender) = (types::receiver_type(tx), types::sender_type(rx));
    quote! {
        #attributes
        fn #name(
            &self,
            #(#parameters,)*
            #input: #receiver,
            #output: #sender
        ) -> impl Future<Output = Result<()>> + Send;
    }
}

/// Returns the names of the halves, which differ from those of the arguments.
fn half_names(arguments: &Arguments) -> [Ident; 2] {
    let in_use: Vec<_> = match arguments {
        Arguments::Known(arguments) => arguments.iter().map(|argument| argument.name.as_str()).collect(),
        Arguments::Unknown => Vec::new(),
    };
    HALVES.map(|name| arguments::local_name(name, &in_use))
}

/// Returns the type of a call's result when it succeeds.
pub(super) fn output_type(shape: &CallModel) -> TokenStream {
    match shape {
        CallModel::Mute => quote!(()),
        CallModel::Unary(wrapper, payload) => types::unwrapped_type(*wrapper, &types::received_type(payload)),
        CallModel::Stream(payload) => types::received_type(payload),
        CallModel::Guard => quote!(Guard),
        CallModel::Session { tx, rx } => types::duplex_type(tx, rx),
    }
}

/// Returns docs and lints of a method of the trait for callers.
fn caller_attributes(method: &MethodModel) -> TokenStream {
    let line = format!("Calls {}, which no catalogue describes.", docs::name(&method.wire_name));
    let mut attributes = docs::or_line_with_name(&method.docs, &line, &method.name, &method.wire_name);
    attributes.extend(lints::allow_for_method(method, 0));
    attributes
}

/// Returns lints, and the first paragraph of the docs with a link to the rest, which the trait for callers has.
fn server_attributes(service: &ServiceModel, method: &MethodModel, more_arguments: usize) -> TokenStream {
    let mut lines: Vec<_> = method.docs.iter().take_while(|line| !line.trim().is_empty()).cloned().collect();
    if lines.is_empty() {
        lines.push(format!("Answers {}, which no catalogue describes.", docs::name(&method.wire_name)));
    }
    // A link names a raw identifier without its prefix.
    lines.extend([String::new(), format!("See [`{}::{}`].", service.names.caller_trait, method.name)]);
    let mut attributes = docs::lines(lines);
    attributes.extend(lints::allow_for_method(method, more_arguments));
    attributes
}
