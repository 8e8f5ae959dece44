//! The traits: what a caller calls, and what a server implements.

use proc_macro2::Ident;
use syn::{Attribute, Item, TraitItem, Type as Tree, parse_quote};

use super::{
    arguments,
    docs::{self, DocComment},
    lints, types,
};
use crate::emit::syntax::{
    fn_param, fn_signature, item_trait_fn, type_future, type_name, type_stream, type_tuple,
};
use crate::{
    model::{Arguments, CallModel, MethodModel, ServiceModel, SideModel},
    naming::ident,
};

/// Names of the two more arguments of a server's method.
const HALVES: [&str; 2] = ["input", "output"];

pub(super) fn traits(service: &ServiceModel) -> Vec<Item> {
    let callers = callers(service);
    let servers = service.names.server.as_deref().map(|name| servers(service, name));
    [callers].into_iter().chain(servers).collect()
}

fn callers(service: &ServiceModel) -> Item {
    let wire = docs::name(&service.wire);
    let fallback =
        format!("The {wire} service. No catalogue describes it: what it takes and answers is untyped.");
    let docs = docs::or_line(&service.docs, &fallback);
    let methods = service.methods.iter().map(|method| called(method, attributes(method, 0))).collect();
    contract(&docs, &service.names.contract, methods)
}

fn servers(service: &ServiceModel, name: &str) -> Item {
    let docs = docs::lines([
        format!("Implemented by a server of {}.", docs::name(&service.wire)),
        String::new(),
        format!(
            "It differs from [`{}`] in the methods that open a session: these receive what the",
            service.names.contract
        ),
        "caller sends, and send the answers. If one returns `Err`, the connection is closed.".to_owned(),
    ]);
    let methods = service.methods.iter().map(|method| match &method.shape {
        CallModel::Session { tx, rx } => served(service, method, tx, rx),
        _ => called(method, server_attributes(service, method, 0)),
    });
    contract(&docs, name, methods.collect())
}

fn contract(docs: &DocComment, name: &str, methods: Vec<TraitItem>) -> Item {
    let name = ident(name);
    let mut item: syn::ItemTrait = parse_quote!(#docs pub trait #name {});
    item.items = methods;
    Item::Trait(item)
}

/// A method as a caller calls it.
fn called(method: &MethodModel, attributes: Vec<Attribute>) -> TraitItem {
    let output = match &method.shape {
        CallModel::Stream(payload) => type_stream(types::received(payload)),
        shape => type_future(output(shape)),
    };
    item_trait_fn(attributes, fn_signature(&method.name, types::parameters(&method.arguments), output))
}

/// A method with the halves that its server takes.
fn served(service: &ServiceModel, method: &MethodModel, tx: &SideModel, rx: &SideModel) -> TraitItem {
    let mut parameters = types::parameters(&method.arguments);
    let [input, output] = halves(&method.arguments);
    parameters.extend([fn_param(&input, types::receiver(tx)), fn_param(&output, types::sender(rx))]);
    let signature = fn_signature(&method.name, parameters, type_future(type_tuple([])));
    item_trait_fn(server_attributes(service, method, HALVES.len()), signature)
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
pub(super) fn output(shape: &CallModel) -> Tree {
    match shape {
        CallModel::Mute => type_tuple([]),
        CallModel::Unary(pack, payload) => types::packed(*pack, types::received(payload)),
        CallModel::Stream(payload) => types::received(payload),
        CallModel::Guard => type_name("Guard"),
        CallModel::Session { tx, rx } => types::exchange(tx, rx),
    }
}

/// Returns docs and lints.
fn attributes(method: &MethodModel, more_arguments: usize) -> Vec<Attribute> {
    let wire = docs::name(&method.wire);
    let line = format!("Calls {wire}, which no catalogue describes.");
    let DocComment(mut attributes) = docs::or_line(&method.docs, &line);
    if !method.docs.is_empty() && method.name != method.wire {
        attributes.extend(docs::lines([String::new(), format!("On the wire: {wire}.")]).0);
    }
    attributes.extend(lints::of(method, more_arguments));
    attributes
}

/// Returns the first paragraph of the docs with a link to the rest, which stands at the trait for callers, and lints.
fn server_attributes(service: &ServiceModel, method: &MethodModel, more_arguments: usize) -> Vec<Attribute> {
    let mut lines: Vec<_> = method.docs.iter().take_while(|line| !line.trim().is_empty()).cloned().collect();
    if lines.is_empty() {
        lines.push(format!("Answers {}, which no catalogue describes.", docs::name(&method.wire)));
    }
    lines.extend([String::new(), format!("See [`{}::{}`].", service.names.contract, ident(&method.name))]);
    let DocComment(mut attributes) = docs::lines(lines);
    attributes.extend(lints::of(method, more_arguments));
    attributes
}
