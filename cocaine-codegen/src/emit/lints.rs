//! Permission for what clippy would say of names, and of how much there is, that are not ours to choose.

use syn::{Attribute, parse_quote};

use crate::{
    catalogue::ReplyWrapper,
    model::{Arguments, CallModel, MethodModel, Payload, SideModel},
};

/// Returns `#[allow(…)]` for the lints that a method would not pass.
pub(super) fn of(method: &MethodModel, more_arguments: usize) -> Option<Attribute> {
    let mut lints: Vec<syn::Path> = Vec::new();
    let count = match &method.arguments {
        Arguments::Known(arguments) => arguments.len(),
        Arguments::Unknown => 1,
    };
    if 1 + count + more_arguments > 7 {
        lints.push(parse_quote!(clippy::too_many_arguments));
    }
    lints.extend(of_name(&method.name));
    if complexity(method) > 8 {
        lints.push(parse_quote!(clippy::type_complexity));
    }
    (!lints.is_empty()).then(|| parse_quote!(#[allow(#(#lints),*)]))
}

/// Returns the lints that mind a method of this name that takes `self`.
pub(super) fn of_name(name: &str) -> Vec<syn::Path> {
    let conventional = |prefix: &&str| name.starts_with(prefix);
    match name {
        "new" => vec![parse_quote!(clippy::new_ret_no_self), parse_quote!(clippy::wrong_self_convention)],
        _ if ["as_", "from_", "into_", "is_", "to_"].iter().any(conventional) => {
            vec![parse_quote!(clippy::wrong_self_convention)]
        }
        _ => Vec::new(),
    }
}

/// Returns of how many types the largest of a method is made.
fn complexity(method: &MethodModel) -> usize {
    let arguments = match &method.arguments {
        Arguments::Known(arguments) => arguments.iter().map(|argument| argument.ty.size()).max().unwrap_or(0),
        Arguments::Unknown => 1,
    };
    arguments.max(match &method.shape {
        CallModel::Mute => 1,
        CallModel::Guard => 2,
        CallModel::Unary(ReplyWrapper::Tried, known) => 3 + 2 * payload(known),
        CallModel::Unary(_, known) | CallModel::Stream(known) => 2 + payload(known),
        CallModel::Session { tx, rx } => 4 + half(tx) + half(rx),
    })
}

fn half(half: &SideModel) -> usize {
    match half {
        SideModel::Stream(known) | SideModel::Reply(known) => payload(known),
        SideModel::End | SideModel::Root | SideModel::States(_) => 1,
    }
}

fn payload(payload: &Payload) -> usize {
    match payload {
        Payload::Known(ty) => ty.size(),
        Payload::Unknown => 1,
    }
}
