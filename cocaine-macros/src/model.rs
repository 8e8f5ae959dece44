//! What is to be expanded: read from the syntax, with every rule checked on the way.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{
    Attribute, FnArg, Ident, ImplItem, ImplItemFn, ItemFn, ItemImpl, Meta, Pat, ReturnType, Signature, Type,
    ext::IdentExt as _,
};

use crate::{
    check,
    mistakes::{Mistakes, spelled},
    settings::{Place, Settings},
};

/// An `impl` block with events.
pub(crate) struct Worker {
    /// What stays of it: all but the `#[event]`s.
    pub(crate) block: ItemImpl,
    pub(crate) events: Vec<Event>,
}

/// One event.
pub(crate) struct Event {
    /// The function that handles it.
    pub(crate) function: Ident,
    pub(crate) name: String,
    pub(crate) inline: bool,
    pub(crate) cancel: bool,
    pub(crate) arguments: Vec<Argument>,
    /// What is written after `->`.
    pub(crate) returns: Option<Type>,
    /// The conditions under which it exists.
    pub(crate) conditions: Vec<Attribute>,
}

/// An argument of an event.
pub(crate) struct Argument {
    /// What errors call it.
    pub(crate) name: String,
    pub(crate) ty: Type,
}

/// Reads a function under `#[cocaine::worker(settings)]`.
pub(crate) fn function(settings: TokenStream, item: &ItemFn, mistakes: &mut Mistakes) -> Option<Event> {
    let mut read = Settings::default();
    read.read(Place::Function, settings, mistakes);
    check::function(&item.sig, mistakes);
    mistakes.is_empty().then(|| event(&item.sig, &item.attrs, &read))
}

/// Reads an `impl` block under `#[cocaine::worker]`.
pub(crate) fn block(settings: TokenStream, item: &ItemImpl, mistakes: &mut Mistakes) -> Option<Worker> {
    if !settings.is_empty() {
        mistakes.at(settings, "the settings of an event stand on its method: `#[event(…)]`");
    }
    check::block(item, mistakes);
    let mut events = Vec::new();
    for method in methods(item) {
        events.extend(self::method(method, mistakes));
    }
    refuse_twins(&events, mistakes);
    if events.is_empty() && mistakes.is_empty() {
        mistakes.at(&item.self_ty, "no event here: an event is an `async fn` that takes `&self`");
    }
    let events = events.into_iter().map(|(_, event)| event).collect();
    mistakes.is_empty().then(|| Worker { block: without_settings(item.clone()), events })
}

/// Returns `block` without the attributes that are for this macro.
pub(crate) fn without_settings(mut block: ItemImpl) -> ItemImpl {
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item {
            method.attrs.retain(|attribute| !is_setting(attribute));
        }
    }
    block
}

fn methods(item: &ItemImpl) -> impl Iterator<Item = &ImplItemFn> {
    item.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(method),
        _ => None,
    })
}

fn is_setting(attribute: &Attribute) -> bool {
    attribute.path().is_ident("event")
}

/// Reads a method; returns its event, and the token that names it.
fn method(method: &ImplItemFn, mistakes: &mut Mistakes) -> Option<(TokenStream, Event)> {
    let mut read = Settings::default();
    for attribute in method.attrs.iter().filter(|attribute| is_setting(attribute)) {
        match &attribute.meta {
            Meta::List(list) => read.read(Place::Method, list.tokens.clone(), mistakes),
            Meta::Path(_) => {}
            Meta::NameValue(pair) => mistakes.at(pair, "write `#[event(name = \"name\")]`"),
        }
    }
    read.refuse_beside_skip(mistakes);
    let asked = method.attrs.iter().any(is_setting);
    let meant = method.sig.asyncness.is_some() && method.sig.receiver().is_some();
    if read.skip.is_some() || !(asked || meant) {
        return None;
    }
    check::method(&method.sig, mistakes);
    let token = match &read.name {
        Some(name) => name.to_token_stream(),
        None => method.sig.ident.to_token_stream(),
    };
    Some((token, event(&method.sig, &method.attrs, &read)))
}

fn refuse_twins(events: &[(TokenStream, Event)], mistakes: &mut Mistakes) {
    let mut names = BTreeMap::<_, Vec<_>>::new();
    for (token, event) in events.iter().filter(|(_, event)| event.conditions.is_empty()) {
        names.entry(&event.name).or_default().push(token);
    }
    for (name, tokens) in names.into_iter().filter(|(_, tokens)| tokens.len() > 1) {
        let text = format!("`{name}` is the name of several events: give each its own");
        for token in tokens {
            mistakes.at(token, &text);
        }
    }
}

fn event(sig: &Signature, attributes: &[Attribute], settings: &Settings) -> Event {
    let arguments = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => {
            Some(Argument { name: argument_name(&argument.pat), ty: (*argument.ty).clone() })
        }
        FnArg::Receiver(_) => None,
    });
    Event {
        function: sig.ident.clone(),
        name: settings.name.as_ref().map_or_else(|| sig.ident.unraw().to_string(), syn::LitStr::value),
        inline: settings.inline.is_some(),
        cancel: settings.cancel.is_some(),
        arguments: arguments.collect(),
        returns: match &sig.output {
            ReturnType::Type(_, ty) => Some((**ty).clone()),
            ReturnType::Default => None,
        },
        conditions: conditions(attributes).cloned().collect(),
    }
}

/// Returns the attributes without which something does not exist.
pub(crate) fn conditions(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"))
}

fn argument_name(pattern: &Pat) -> String {
    match pattern {
        Pat::Ident(pattern) => pattern.ident.unraw().to_string(),
        other => spelled(other),
    }
}
