//! The traits: what a caller calls, and what a server implements.

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, types};
use crate::{
    model::{Arguments, Half, Method, Service, Shape},
    naming::ident,
};

/// Names of the two more arguments of a server's method.
const HALVES: [&str; 2] = ["input", "output"];

pub(super) fn traits(service: &Service) -> TokenStream {
    let callers = callers(service);
    let servers = service.names.server.as_deref().map(|name| servers(service, name));
    quote!(#callers #servers)
}

fn callers(service: &Service) -> TokenStream {
    let wire = docs::name(&service.wire);
    let fallback =
        format!("The {wire} service. No catalogue describes it: what it takes and answers is untyped.");
    let (docs, name) = (docs::or_line(&service.docs, &fallback), ident(&service.names.contract));
    let methods = service.methods.iter().map(called);
    quote! {
        #docs
        pub trait #name {
            #(#methods)*
        }
    }
}

fn servers(service: &Service, name: &str) -> TokenStream {
    let doc = docs::lines([
        format!("What a server of {} implements.", docs::name(&service.wire)),
        String::new(),
        format!(
            "It differs from [`{}`] in the methods in which the caller speaks too: these",
            service.names.contract
        ),
        "take what the caller sends and what answers it. An `Err` of theirs closes the connection."
            .to_owned(),
    ]);
    let name = ident(name);
    let methods = service.methods.iter().map(|method| match &method.shape {
        Shape::Session { tx, rx } => served(method, tx, rx),
        _ => called(method),
    });
    quote! {
        #doc
        pub trait #name {
            #(#methods)*
        }
    }
}

/// A method as a caller calls it.
fn called(method: &Method) -> TokenStream {
    let docs = method_docs(method);
    let (allows, name) = (allows(method, 0), ident(&method.name));
    let parameters = types::parameters(&method.arguments);
    let output = match &method.shape {
        Shape::Stream(payload) => {
            let item = types::received(payload);
            quote!(Stream<Item = Result<#item>> + Send + 'static + use<Self>)
        }
        shape => {
            let output = output(shape);
            quote!(Future<Output = Result<#output>> + Send)
        }
    };
    quote! {
        #docs
        #allows
        fn #name(&self #parameters) -> impl #output;
    }
}

/// A method with the halves that its server takes.
fn served(method: &Method, tx: &Half, rx: &Half) -> TokenStream {
    let docs = method_docs(method);
    let (allows, name) = (allows(method, HALVES.len()), ident(&method.name));
    let parameters = types::parameters(&method.arguments);
    let [input, output] = halves(&method.arguments);
    let (receiver, sender) = (types::receiver(tx), types::sender(rx));
    quote! {
        #docs
        #allows
        fn #name(&self #parameters, #input: #receiver, #output: #sender) -> impl Future<Output = Result<()>> + Send;
    }
}

/// Returns the names of the halves, which no argument may have.
fn halves(arguments: &Arguments) -> [proc_macro2::Ident; 2] {
    let taken: Vec<_> = match arguments {
        Arguments::Known(arguments) => arguments.iter().map(|argument| argument.name.as_str()).collect(),
        Arguments::Unknown => Vec::new(),
    };
    HALVES.map(|name| types::local(name, &taken))
}

/// Returns what a method gives when it succeeds.
pub(super) fn output(shape: &Shape) -> TokenStream {
    match shape {
        Shape::Mute => quote!(()),
        Shape::Unary(payload) | Shape::Stream(payload) => types::received(payload),
        Shape::Session { tx, rx } => types::exchange(tx, rx),
    }
}

fn method_docs(method: &Method) -> TokenStream {
    let wire = docs::name(&method.wire);
    let line = format!("Calls {wire}, which no catalogue describes.");
    let lines = docs::or_line(&method.docs, &line);
    let renamed = !method.docs.is_empty() && method.name != method.wire;
    let original = renamed.then(|| docs::lines([String::new(), format!("On the wire: {wire}.")]));
    quote!(#lines #original)
}

/// Returns permission for what clippy would say of names, and of how much there is, that are not ours to choose.
pub(super) fn allows(method: &Method, more_arguments: usize) -> TokenStream {
    let mut lints = Vec::new();
    let count = match &method.arguments {
        Arguments::Known(arguments) => arguments.len(),
        Arguments::Unknown => 1,
    };
    if 1 + count + more_arguments > 7 {
        lints.push(quote!(clippy::too_many_arguments));
    }
    if method.name == "new" {
        lints.push(quote!(clippy::new_ret_no_self));
    }
    if ["as_", "from_", "into_", "is_", "to_"].iter().any(|prefix| method.name.starts_with(prefix)) {
        lints.push(quote!(clippy::wrong_self_convention));
    }
    if complexity(method) > 8 {
        lints.push(quote!(clippy::type_complexity));
    }
    if lints.is_empty() { TokenStream::new() } else { quote!(#[allow(#(#lints),*)]) }
}

fn complexity(method: &Method) -> usize {
    let payload = |payload: &crate::model::Payload| match payload {
        crate::model::Payload::Known(ty) => ty.size(),
        crate::model::Payload::Unknown => 1,
    };
    let half = |half: &Half| match half {
        Half::Stream(known) | Half::Reply(known) => payload(known),
        _ => 1,
    };
    let arguments = match &method.arguments {
        Arguments::Known(arguments) => arguments.iter().map(|argument| argument.ty.size()).max().unwrap_or(0),
        Arguments::Unknown => 1,
    };
    arguments.max(match &method.shape {
        Shape::Mute => 1,
        Shape::Unary(known) | Shape::Stream(known) => 2 + payload(known),
        Shape::Session { tx, rx } => 4 + half(tx) + half(rx),
    })
}
