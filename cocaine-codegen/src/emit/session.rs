//! Session types: a struct a state, a method a message, so that a message out of turn does not compile.

use std::iter;

use proc_macro2::TokenStream;
use quote::quote;

use super::literal::integer;
use super::{arguments, docs, lints, types};
use crate::{
    metadata::shape::Side,
    model::{Arguments, MessageModel, MethodModel, ServiceModel, StateModel, Transition},
    naming::ident,
};

/// Names of the locals of `recv`.
const LOCALS: &[&str] = &["args", "kind", "list", "other", "rest"];

pub(super) fn states(service: &ServiceModel) -> TokenStream {
    let sides = service
        .sides()
        .flat_map(|(method, side, states)| states.iter().map(move |state| (method, side, states, state)));
    sides
        .map(|(method, side, states, state)| {
            let sender = sender_struct(method, side, states, state);
            let receiver = receiver_struct(method, states, state);
            let message = received_enum(method, states, state);
            quote!(#sender #receiver #message)
        })
        .collect()
}

/// Returns the words that name the channel and the state, for docs.
fn channel_description(method: &MethodModel, state: &StateModel) -> String {
    let path: Vec<_> = state.path.iter().map(|name| docs::name(name)).collect();
    let method = docs::name(&method.wire_name);
    if path.is_empty() { format!("of {method}") } else { format!("of {method}, after {}", path.join(", ")) }
}

fn sender_struct(method: &MethodModel, side: Side, states: &[StateModel], state: &StateModel) -> TokenStream {
    let doc = docs::lines(sender_docs(method, side, states, state));
    let name = ident(&state.sender);
    // Without messages the sender is never read, but it keeps the channel open.
    let allow = state.messages.is_empty().then(|| quote!(#[allow(dead_code)]));
    let methods = (!state.messages.is_empty()).then(|| sender_methods(states, state));
    quote! {
        #doc
        #[derive(Debug)]
        #[must_use]
        #allow
        pub struct #name(DynSender);

        impl From<DynSender> for #name {
            fn from(raw: DynSender) -> Self {
                Self(raw)
            }
        }

        #methods
    }
}

/// Returns docs that list the messages, what follows each, and what a dropped sender sends.
fn sender_docs(method: &MethodModel, side: Side, states: &[StateModel], state: &StateModel) -> Vec<String> {
    let first = format!("Sends on a channel {}.", channel_description(method, state));
    if state.messages.is_empty() {
        return vec![first, String::new(), "Nothing can be sent.".to_owned()];
    }
    let mut lines = vec![first, String::new(), "The messages that can be sent:".to_owned(), String::new()];
    lines.extend(state.messages.iter().map(|message| {
        let then = match message.next {
            Transition::End => "the last".to_owned(),
            Transition::Stay => "after which the same messages can be sent".to_owned(),
            Transition::State(next) => format!("which continues as [`{}`]", states[next].sender),
        };
        format!("- {}, {then}", docs::name(&message.wire_name))
    }));
    let on_drop = match (side, state.drop_message(method, side)) {
        (_, Some(last)) => format!("Dropped here, it sends {}.", docs::name(&last.wire_name)),
        (Side::Client, None) => {
            "Dropped here, it revokes the channel, or closes the connection if it cannot.".to_owned()
        }
        (Side::Server, None) => "Dropped here, it sends nothing.".to_owned(),
    };
    lines.extend([String::new(), on_drop]);
    lines
}

fn sender_methods(states: &[StateModel], state: &StateModel) -> TokenStream {
    let doc =
        docs::lines(["A message fails if its arguments cannot be encoded, or if the channel has ended."]);
    let names = state.messages.iter().flat_map(|message| lints::name_lints(&message.name).iter().copied());
    let lints = lints::allow(iter::once("missing_errors_doc").chain(names));
    let name = ident(&state.sender);
    let methods = state.messages.iter().map(|message| send_method(states, message));
    quote! {
        #doc
        #lints
        impl #name {
            #(#methods)*
        }
    }
}

fn send_method(states: &[StateModel], message: &MessageModel) -> TokenStream {
    let docs = message_docs(
        message,
        &format!("Sends {}.", docs::name(&message.wire_name)),
        |state| &state.sender,
        states,
    );
    let (name, kind) = (ident(&message.name), integer(message.id));
    let (parameters, args) = match &message.arguments {
        Arguments::Unknown => {
            (vec![quote!(args: impl Serialize + Send)], arguments::encoded_value(&Arguments::Unknown))
        }
        known @ Arguments::Known(_) => (types::parameters(known), arguments::encoded_value(known)),
    };
    let (output, body) = match message.next {
        Transition::End => (quote!(()), quote!(self.0.send_last_message(#kind, #args).await)),
        Transition::Stay => (quote!(Self), quote!(Ok(Self(self.0.send_message(#kind, #args).await?)))),
        Transition::State(next) => {
            let next = ident(&states[next].sender);
            (quote!(#next), quote!(Ok(#next(self.0.send_message(#kind, #args).await?))))
        }
    };
    quote! {
        #docs
        pub async fn #name(self #(, #parameters)*) -> Result<#output> { #body }
    }
}

/// Returns the docs of the catalogue, or else `line`, and what follows the message; `type_name` names the type of a state.
fn message_docs(
    message: &MessageModel,
    line: &str,
    type_name: fn(&StateModel) -> &str,
    states: &[StateModel],
) -> TokenStream {
    let mut docs = docs::or_line_with_name(&message.docs, line, &message.name, &message.wire_name);
    let follows = match message.next {
        Transition::End => "It is the last message.".to_owned(),
        Transition::Stay => "The same messages can follow.".to_owned(),
        Transition::State(next) => format!("Continues as [`{}`].", type_name(&states[next])),
    };
    docs.extend(docs::lines([String::new(), follows]));
    docs
}

fn receiver_struct(method: &MethodModel, states: &[StateModel], state: &StateModel) -> TokenStream {
    let doc = docs::lines([
        format!("Receives on a channel {}.", channel_description(method, state)),
        String::new(),
        format!("The messages: [`{}`].", state.received),
    ]);
    let recv = docs::lines([
        "Waits for the next message.",
        "",
        "# Errors",
        "",
        "If the channel ended, or if the message is unknown or cannot be decoded.",
    ]);
    let (name, received) = (ident(&state.receiver), ident(&state.received));
    let arms = state.messages.iter().map(|message| receive_arm(states, state, message));
    let args = if state.messages.is_empty() { ident("_args") } else { ident("args") };
    let matched = if state.messages.is_empty() {
        quote!(Err(rest.unexpected(kind)))
    } else {
        quote!(match kind { #(#arms)* other => Err(rest.unexpected(other)), })
    };
    quote! {
        #doc
        #[derive(Debug)]
        #[must_use]
        pub struct #name(DynReceiver);

        impl From<DynReceiver> for #name {
            fn from(raw: DynReceiver) -> Self {
                Self(raw)
            }
        }

        impl #name {
            #recv
            pub async fn recv(self) -> Result<#received> {
                let (kind, #args, rest) = self.0.recv_message().await?;
                #matched
            }
        }
    }
}

fn receive_arm(states: &[StateModel], state: &StateModel, message: &MessageModel) -> TokenStream {
    let kind = integer(message.id);
    let (received, variant) = (ident(&state.received), ident(&message.variant));
    let arguments::DecodedArguments { statement, mut values } =
        arguments::decode_owned(&message.arguments, LOCALS);
    values.extend(next_receiver(states, state, message).map(|next| quote!(#next(rest))));
    let fields = (!values.is_empty()).then(|| quote!((#(#values),*)));
    quote! {
        #kind => {
            #statement
            Ok(#received::#variant #fields)
        }
    }
}

/// Returns the type that receives the messages after `message`.
fn next_receiver(
    states: &[StateModel],
    state: &StateModel,
    message: &MessageModel,
) -> Option<proc_macro2::Ident> {
    match message.next {
        Transition::End => None,
        Transition::Stay => Some(ident(&state.receiver)),
        Transition::State(next) => Some(ident(&states[next].receiver)),
    }
}

fn received_enum(method: &MethodModel, states: &[StateModel], state: &StateModel) -> TokenStream {
    let doc = docs::lines([format!("A message {}.", channel_description(method, state))]);
    let name = ident(&state.received);
    let acronyms = state.messages.iter().filter_map(|message| lints::acronym_lint(&message.variant));
    let lints = lints::allow(["enum_variant_names", "large_enum_variant"].into_iter().chain(acronyms));
    let variants = state.messages.iter().map(|message| {
        let line = format!("{}.", docs::name(&message.wire_name));
        let docs = message_docs(message, &line, |state| &state.received, states);
        let variant = ident(&message.variant);
        let mut fields = types::field_types(&message.arguments);
        fields.extend(next_receiver(states, state, message).map(|next| quote!(#next)));
        let fields = (!fields.is_empty()).then(|| quote!((#(#fields),*)));
        quote!(#docs #variant #fields)
    });
    quote! {
        #doc
        #[derive(Debug)]
        #[must_use]
        #lints
        pub enum #name { #(#variants),* }
    }
}
