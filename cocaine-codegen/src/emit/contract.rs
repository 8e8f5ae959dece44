//! The traits: what a caller calls, and what a server implements.

use proc_macro2::Ident;
use syn::{Attribute, Item, TraitItem, Type as Tree, parse_quote};

use super::{
    arguments,
    docs::{self, Docs},
    lints, types,
};
use crate::emit::syntax::{future, named, parameter, required, signature, stream, tuple_type};
use crate::{
    model::{Arguments, Half, Method, Service, Shape},
    naming::ident,
};

/// Names of the two more arguments of a server's method.
const HALVES: [&str; 2] = ["input", "output"];

pub(super) fn traits(service: &Service) -> Vec<Item> {
    let callers = callers(service);
    let servers = service.names.server.as_deref().map(|name| servers(service, name));
    [callers].into_iter().chain(servers).collect()
}

fn callers(service: &Service) -> Item {
    let wire = docs::name(&service.wire);
    let fallback =
        format!("The {wire} service. No catalogue describes it: what it takes and answers is untyped.");
    let docs = docs::or_line(&service.docs, &fallback);
    contract(&docs, &service.names.contract, service.methods.iter().map(called).collect())
}

fn servers(service: &Service, name: &str) -> Item {
    let docs = docs::lines([
        format!("What a server of {} implements.", docs::name(&service.wire)),
        String::new(),
        format!(
            "It differs from [`{}`] in the methods in which the caller speaks too: these",
            service.names.contract
        ),
        "take what the caller sends and what answers it. An `Err` of theirs closes the connection."
            .to_owned(),
    ]);
    let methods = service.methods.iter().map(|method| match &method.shape {
        Shape::Session { tx, rx } => served(method, tx, rx),
        _ => called(method),
    });
    contract(&docs, name, methods.collect())
}

fn contract(docs: &Docs, name: &str, methods: Vec<TraitItem>) -> Item {
    let name = ident(name);
    let mut item: syn::ItemTrait = parse_quote!(#docs pub trait #name {});
    item.items = methods;
    Item::Trait(item)
}

/// A method as a caller calls it.
fn called(method: &Method) -> TraitItem {
    let output = match &method.shape {
        Shape::Stream(payload) => stream(types::received(payload)),
        shape => future(output(shape)),
    };
    required(attributes(method, 0), signature(&method.name, types::parameters(&method.arguments), output))
}

/// A method with the halves that its server takes.
fn served(method: &Method, tx: &Half, rx: &Half) -> TraitItem {
    let mut parameters = types::parameters(&method.arguments);
    let [input, output] = halves(&method.arguments);
    parameters.extend([parameter(&input, types::receiver(tx)), parameter(&output, types::sender(rx))]);
    let signature = signature(&method.name, parameters, future(tuple_type([])));
    required(attributes(method, HALVES.len()), signature)
}

/// Returns the names of the halves, which no argument may have.
fn halves(arguments: &Arguments) -> [Ident; 2] {
    let taken: Vec<_> = match arguments {
        Arguments::Known(arguments) => arguments.iter().map(|argument| argument.name.as_str()).collect(),
        Arguments::Unknown => Vec::new(),
    };
    HALVES.map(|name| arguments::local(name, &taken))
}

/// Returns what a method gives when it succeeds.
pub(super) fn output(shape: &Shape) -> Tree {
    match shape {
        Shape::Mute => tuple_type([]),
        Shape::Unary(pack, payload) => types::packed(*pack, types::received(payload)),
        Shape::Stream(payload) => types::received(payload),
        Shape::Held => named("Held"),
        Shape::Session { tx, rx } => types::exchange(tx, rx),
    }
}

/// Returns docs and lints.
fn attributes(method: &Method, more_arguments: usize) -> Vec<Attribute> {
    let wire = docs::name(&method.wire);
    let line = format!("Calls {wire}, which no catalogue describes.");
    let Docs(mut attributes) = docs::or_line(&method.docs, &line);
    if !method.docs.is_empty() && method.name != method.wire {
        attributes.extend(docs::lines([String::new(), format!("On the wire: {wire}.")]).0);
    }
    attributes.extend(lints::of(method, more_arguments));
    attributes
}
