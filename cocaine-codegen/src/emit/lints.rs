//! `#[allow(…)]` for lints about names and sizes, which the metadata decides.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    catalogue::ReplyWrapper,
    model::{Arguments, CallModel, EventModel, MethodModel, Payload, SideModel},
    naming::{self, ident},
};

/// Returns `#[allow(…)]` for the lints that a method violates; it has `more_arguments` than the model says.
pub(super) fn allow_for_method(method: &MethodModel, more_arguments: usize) -> Option<TokenStream> {
    allow(method_lints(method, more_arguments))
}

fn method_lints(method: &MethodModel, more_arguments: usize) -> Vec<&'static str> {
    let mut lints = Vec::new();
    if 1 + argument_count(&method.arguments) + more_arguments > 7 {
        lints.push("too_many_arguments");
    }
    lints.extend(name_lints(&method.name));
    if complexity(method) > 8 {
        lints.push("type_complexity");
    }
    lints
}

/// The number of generic types from which on the types of an event are complex.
const COMPLEX: usize = 6;

/// Returns `#[allow(…)]` for the lints that the method of an event violates, whose types these are.
pub(super) fn allow_for_event(event: &EventModel, types: &TokenStream) -> Option<TokenStream> {
    let argument_count = event.arguments.len() + usize::from(event.input.is_some());
    let many = (argument_count > 6).then_some("too_many_arguments");
    let is_complex = types.to_string().matches('<').count() > COMPLEX;
    let lints = many.into_iter().chain(name_lints(&event.name).iter().copied());
    allow(lints.chain(is_complex.then_some("type_complexity")))
}

/// Returns `#[allow(…)]` for the lints that a trait of this name with these events violates.
pub(super) fn allow_for_event_trait(name: &str, events: &[EventModel]) -> Option<TokenStream> {
    let is_len = |event: &EventModel| event.name == "len" && event.arguments.is_empty();
    let len = events.iter().any(is_len).then_some("len_without_is_empty");
    allow(acronym_lint(name).into_iter().chain(len))
}

/// The methods of traits of std for which clippy asks that a type implements the trait.
const STD_METHODS: &[&str] = &[
    "add",
    "as_mut",
    "as_ref",
    "bitand",
    "bitor",
    "bitxor",
    "borrow",
    "borrow_mut",
    "clone",
    "cmp",
    "default",
    "deref",
    "deref_mut",
    "div",
    "drop",
    "eq",
    "from_iter",
    "from_str",
    "hash",
    "index",
    "index_mut",
    "into_iter",
    "mul",
    "neg",
    "next",
    "not",
    "rem",
    "shl",
    "shr",
    "sub",
];

/// Returns `#[allow(…)]` for the lints that a method of a client violates if it is in no trait.
pub(super) fn allow_for_inherent_method(method: &MethodModel) -> Option<TokenStream> {
    // The lint does not mean `async` functions.
    let is_sync = matches!(method.shape, CallModel::Stream(_));
    let is_confusing = is_sync && STD_METHODS.contains(&&*method.name);
    allow(method_lints(method, 0).into_iter().chain(is_confusing.then_some("should_implement_trait")))
}

/// Returns `#[allow(…)]` for the lints that a function of the type `name` violates, which returns that type.
pub(super) fn allow_for_constructor(name: &str, function: &str) -> Option<TokenStream> {
    let is_self_named = name.to_ascii_lowercase() == function.replace('_', "");
    let self_named = is_self_named.then_some("self_named_constructors");
    let confusing = STD_METHODS.contains(&function).then_some("should_implement_trait");
    allow(name_lints(function).iter().copied().chain(self_named).chain(confusing))
}

/// Returns `#[allow(…)]` for lints of clippy, each once: it has a lint against attributes that repeat themselves.
pub(super) fn allow(lints: impl IntoIterator<Item = &'static str>) -> Option<TokenStream> {
    let mut unique = Vec::new();
    for lint in lints {
        if !unique.contains(&lint) {
            unique.push(lint);
        }
    }
    let unique = unique.iter().map(|lint| ident(lint));
    let lints: Vec<_> = unique.map(|lint| quote!(clippy::#lint)).collect();
    (!lints.is_empty()).then(|| quote!(#[allow(#(#lints),*)]))
}

/// Returns `#[allow(…)]` for the lints that a trait of this name with these methods violates.
pub(super) fn allow_for_trait(name: &str, methods: &[MethodModel]) -> Option<TokenStream> {
    let is_len = |method: &MethodModel| method.name == "len" && argument_count(&method.arguments) == 0;
    let len = methods.iter().any(is_len).then_some("len_without_is_empty");
    allow(acronym_lint(name).into_iter().chain(len))
}

/// Returns the lint that a type or a variant of this name violates if all its letters are upper-case.
pub(super) fn acronym_lint(name: &str) -> Option<&'static str> {
    let is_acronym = name.len() > 2 && !name.contains(|c: char| c.is_ascii_lowercase());
    is_acronym.then_some("upper_case_acronyms")
}

/// Returns whether the names of fields or variants repeat that of their type `name`, or all have a word in common.
pub(super) fn are_repetitive<'n>(name: &str, parts: impl Iterator<Item = &'n str>) -> bool {
    let own = naming::snake(name, "");
    let parts: Vec<_> = parts.map(|part| naming::snake(part, "")).collect();
    let first = |part: &String| part.split('_').next().map(str::to_owned);
    let last = |part: &String| part.rsplit('_').next().map(str::to_owned);
    let are_equal = |of: &dyn Fn(&String) -> Option<String>| {
        let mut words = parts.iter().map(of);
        let one = words.next();
        parts.len() > 2 && words.all(|word| Some(word) == one)
    };
    parts.iter().any(|part| part.starts_with(&own) || part.ends_with(&own))
        || are_equal(&first)
        || are_equal(&last)
}

/// Returns the lints that a method of this name violates by taking `self` and returning a future.
pub(super) fn name_lints(name: &str) -> &'static [&'static str] {
    let conventional = |prefix: &&str| name.starts_with(prefix);
    match name {
        "new" => &["new_ret_no_self", "wrong_self_convention"],
        "iter" | "iter_mut" => &["iter_not_returning_iterator"],
        _ if ["as_", "from_", "into_", "is_", "to_"].iter().any(conventional) => &["wrong_self_convention"],
        _ => &[],
    }
}

fn argument_count(arguments: &Arguments) -> usize {
    match arguments {
        Arguments::Known(arguments) => arguments.len(),
        Arguments::Unknown => 1,
    }
}

/// Returns the number of types in the largest type of a method.
fn complexity(method: &MethodModel) -> usize {
    let arguments = match &method.arguments {
        Arguments::Known(arguments) => arguments.iter().map(|argument| argument.ty.size()).max().unwrap_or(0),
        Arguments::Unknown => 1,
    };
    arguments.max(match &method.shape {
        CallModel::Mute => 1,
        CallModel::Guard => 2,
        CallModel::Unary(ReplyWrapper::FlaggedResult, known) => 3 + 2 * payload_size(known),
        CallModel::Unary(_, known) | CallModel::Stream(known) => 2 + payload_size(known),
        CallModel::Session { tx, rx } => 4 + side_size(tx) + side_size(rx),
    })
}

fn side_size(side: &SideModel) -> usize {
    match side {
        SideModel::Stream(known) | SideModel::Reply(known) => payload_size(known),
        SideModel::End | SideModel::Root | SideModel::States(_) => 1,
    }
}

fn payload_size(payload: &Payload) -> usize {
    match payload {
        Payload::Known(ty) => ty.size(),
        Payload::Unknown => 1,
    }
}
