//! The model of an item, which is read from its syntax and checked on the way.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{
    Attribute, FnArg, Ident, ImplItem, ImplItemFn, ItemFn, ItemImpl, Meta, Pat, ReturnType, Signature, Type,
    ext::IdentExt as _,
};

use crate::{
    check,
    diagnostics::Diagnostics,
    docs,
    settings::{AttributeTarget, DeclaredErrors, Settings},
};

/// An `impl` block with events.
pub(crate) struct Worker {
    /// The block without its `#[event]` attributes.
    pub(crate) block: ItemImpl,
    pub(crate) events: Vec<Event>,
}

/// One event.
pub(crate) struct Event {
    /// The function that handles it.
    pub(crate) function: Ident,
    pub(crate) name: String,
    /// Its doc comment.
    pub(crate) doc: String,
    pub(crate) inline: bool,
    pub(crate) cancel: bool,
    pub(crate) arguments: Vec<Argument>,
    /// The errors that its settings declare, and their codes.
    pub(crate) errors: Vec<(String, i32)>,
    /// The return type.
    pub(crate) returns: Option<Type>,
    /// Its `#[cfg]` attributes.
    pub(crate) cfgs: Vec<Attribute>,
}

/// An argument of an event.
pub(crate) struct Argument {
    /// Its name in errors and in the schema of the event.
    pub(crate) name: String,
    pub(crate) ty: Type,
}

/// Reads a function under `#[cocaine::worker(settings)]`.
pub(crate) fn function(settings: TokenStream, item: &ItemFn, diagnostics: &mut Diagnostics) -> Option<Event> {
    let mut read = Settings::default();
    read.read(AttributeTarget::Function, settings, diagnostics);
    check::function(&item.sig, diagnostics);
    diagnostics.is_empty().then(|| event(&item.sig, &item.attrs, &read))
}

/// Reads an `impl` block under `#[cocaine::worker]`.
pub(crate) fn block(settings: TokenStream, item: &ItemImpl, diagnostics: &mut Diagnostics) -> Option<Worker> {
    if !settings.is_empty() {
        diagnostics.error(settings, "the settings of an event stand on its method: `#[event(…)]`");
    }
    check::block(item, diagnostics);
    let mut events = Vec::new();
    for method in methods(item) {
        events.extend(self::method(method, diagnostics));
    }
    reject_duplicate_names(&events, diagnostics);
    if events.is_empty() && diagnostics.is_empty() {
        diagnostics.error(&item.self_ty, "no event here: an event is an `async fn` that takes `&self`");
    }
    let events = events.into_iter().map(|(_, event)| event).collect();
    diagnostics.is_empty().then(|| Worker { block: without_event_attributes(item.clone()), events })
}

/// Returns `block` without its `#[event]` attributes.
pub(crate) fn without_event_attributes(mut block: ItemImpl) -> ItemImpl {
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item {
            method.attrs.retain(|attribute| !is_event_attribute(attribute));
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

fn is_event_attribute(attribute: &Attribute) -> bool {
    attribute.path().is_ident("event")
}

/// Reads a method; returns its event, and the tokens that name it.
fn method(method: &ImplItemFn, diagnostics: &mut Diagnostics) -> Option<(TokenStream, Event)> {
    let mut read = Settings::default();
    for attribute in method.attrs.iter().filter(|attribute| is_event_attribute(attribute)) {
        match &attribute.meta {
            Meta::List(list) => read.read(AttributeTarget::Method, list.tokens.clone(), diagnostics),
            Meta::Path(_) => {}
            Meta::NameValue(pair) => diagnostics.error(pair, "write `#[event(name = \"name\")]`"),
        }
    }
    read.reject_settings_with_skip(diagnostics);
    let is_marked = method.attrs.iter().any(is_event_attribute);
    let has_event_signature = method.sig.asyncness.is_some() && method.sig.receiver().is_some();
    if read.skip.is_some() || !(is_marked || has_event_signature) {
        return None;
    }
    check::method(&method.sig, diagnostics);
    let token = match &read.name {
        Some(name) => name.to_token_stream(),
        None => method.sig.ident.to_token_stream(),
    };
    Some((token, event(&method.sig, &method.attrs, &read)))
}

fn reject_duplicate_names(events: &[(TokenStream, Event)], diagnostics: &mut Diagnostics) {
    let mut names = BTreeMap::<_, Vec<_>>::new();
    for (token, event) in events.iter().filter(|(_, event)| event.cfgs.is_empty()) {
        names.entry(&event.name).or_default().push(token);
    }
    for (name, tokens) in names.into_iter().filter(|(_, tokens)| tokens.len() > 1) {
        let text = format!("`{name}` is the name of several events: give each its own");
        for token in tokens {
            diagnostics.error(token, &text);
        }
    }
}

fn event(sig: &Signature, attributes: &[Attribute], settings: &Settings) -> Event {
    Event {
        function: sig.ident.clone(),
        name: settings.name.as_ref().map_or_else(|| sig.ident.unraw().to_string(), syn::LitStr::value),
        doc: docs::doc(attributes),
        inline: settings.inline.is_some(),
        cancel: settings.cancel.is_some(),
        arguments: arguments(sig),
        errors: settings.errors.iter().flat_map(declared_errors).collect(),
        returns: match &sig.output {
            ReturnType::Type(_, ty) => Some((**ty).clone()),
            ReturnType::Default => None,
        },
        cfgs: cfg_attributes(attributes).cloned().collect(),
    }
}

/// Returns the `#[cfg]` attributes among `attributes`.
pub(crate) fn cfg_attributes(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"))
}

fn declared_errors(errors: &DeclaredErrors) -> impl Iterator<Item = (String, i32)> + '_ {
    errors.names.iter().map(|name| name.unraw().to_string()).zip(errors.codes.iter().copied())
}

/// Returns the arguments of a function. One without a name, or with a pattern in its place, is called after its position.
fn arguments(sig: &Signature) -> Vec<Argument> {
    let typed = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    });
    let named: Vec<_> = typed.map(|argument| (pattern_name(&argument.pat), (*argument.ty).clone())).collect();
    let is_used = |name: &str| named.iter().any(|(known, _)| known.as_deref() == Some(name));
    let name_at = |position: usize| {
        let mut name = format!("argument{position}");
        while is_used(&name) {
            name.push('_');
        }
        name
    };
    let arguments = named.iter().enumerate();
    arguments
        .map(|(index, (name, ty))| Argument {
            name: name.clone().unwrap_or_else(|| name_at(index + 1)),
            ty: ty.clone(),
        })
        .collect()
}

/// Returns the name that a pattern binds the whole argument to.
fn pattern_name(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(pattern) => Some(pattern.ident.unraw().to_string()),
        _ => None,
    }
}
