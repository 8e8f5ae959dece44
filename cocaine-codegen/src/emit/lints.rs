//! `#[allow(…)]` for lints about names and sizes, which the metadata decides.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    catalogue::ReplyWrapper,
    model::{Arguments, CallModel, MethodModel, Payload, SideModel},
};

/// Returns `#[allow(…)]` for the lints that a method violates; it has `more_arguments` than the model says.
pub(super) fn allow_for_method(method: &MethodModel, more_arguments: usize) -> Option<TokenStream> {
    let mut lints = Vec::new();
    let count = match &method.arguments {
        Arguments::Known(arguments) => arguments.len(),
        Arguments::Unknown => 1,
    };
    if 1 + count + more_arguments > 7 {
        lints.push(quote!(clippy::too_many_arguments));
    }
    lints.extend(name_lints(&method.name));
    if complexity(method) > 8 {
        lints.push(quote!(clippy::type_complexity));
    }
    (!lints.is_empty()).then(|| quote!(#[allow(#(#lints),*)]))
}

/// Returns the lints that a method of this name violates by taking `self`.
pub(super) fn name_lints(name: &str) -> Vec<TokenStream> {
    let conventional = |prefix: &&str| name.starts_with(prefix);
    match name {
        "new" => vec![quote!(clippy::new_ret_no_self), quote!(clippy::wrong_self_convention)],
        _ if ["as_", "from_", "into_", "is_", "to_"].iter().any(conventional) => {
            vec![quote!(clippy::wrong_self_convention)]
        }
        _ => Vec::new(),
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
