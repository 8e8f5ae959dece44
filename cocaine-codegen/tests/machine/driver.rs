//! Code that walks over the states of generated code: an arm for each message.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{Halves, Machine, Next, Step};

fn ident(name: &str) -> Ident {
    syn::parse_str(name).unwrap()
}

/// Returns the states that one comes to from `starts`.
fn reachable<'m>(machine: &'m Machine, starts: impl Iterator<Item = &'m String>) -> BTreeSet<&'m String> {
    let (mut found, mut left) = (BTreeSet::new(), starts.collect::<Vec<_>>());
    while let Some(state) = left.pop() {
        if found.insert(state) {
            left.extend(machine.states[state].values().filter_map(|step| match &step.next {
                Next::State(next) => Some(next),
                Next::End => None,
            }));
        }
    }
    found
}

fn sending(state: &str, id: u64, step: &Step) -> TokenStream {
    let (state, method) = (ident(state), ident(&step.name));
    match &step.next {
        Next::End => quote! {
            (Sender::#state(state), #id) => {
                state.#method(()).await?;
                Sender::Ended
            }
        },
        Next::State(next) => {
            let next = ident(next);
            quote!((Sender::#state(state), #id) => Sender::#next(state.#method(()).await?),)
        }
    }
}

fn receiving<'s>(state: &str, steps: impl Iterator<Item = (&'s u64, &'s Step)>) -> TokenStream {
    let received = ident(&state.replacen("Receiver", "Received", 1));
    let arms = steps.map(|(id, step)| {
        let variant = ident(&step.name);
        match &step.next {
            Next::End => quote!(#received::#variant(_) => (#id, Receiver::Ended),),
            Next::State(next) => {
                let next = ident(next);
                quote!(#received::#variant(_, rest) => (#id, Receiver::#next(rest)),)
            }
        }
    });
    let state = ident(state);
    quote!(Receiver::#state(state) => match state.recv().await? { #(#arms)* },)
}

/// Returns the code that walks over the states of `machine`.
pub(crate) fn driver(machine: &Machine) -> String {
    let senders = reachable(machine, machine.sessions.values().map(|halves| &halves.client[0]));
    let receivers = reachable(machine, machine.sessions.values().map(|halves| &halves.client[1]));
    let opens = machine.sessions.iter().map(|(method, Halves { client: [tx, rx], .. })| {
        let (called, tx, rx) = (ident(method), ident(tx), ident(rx));
        quote! {
            #method => {
                let channel = client.#called(()).await?;
                (Sender::#tx(channel.tx), Receiver::#rx(channel.rx))
            }
        }
    });
    let each = |states: &BTreeSet<&String>| states.iter().map(|state| ident(state)).collect::<Vec<_>>();
    let (sender_names, receiver_names) = (each(&senders), each(&receivers));
    let sends = senders
        .iter()
        .flat_map(|state| machine.states[*state].iter().map(|(id, step)| sending(state, *id, step)));
    let reads = receivers.iter().map(|state| receiving(state, machine.states[*state].iter()));
    let tokens = quote! {
        use cocaine::Result;
        use super::generated::trees::*;

        pub(crate) enum Sender { Ended, #(#sender_names(#sender_names),)* }

        pub(crate) enum Receiver { Ended, #(#receiver_names(#receiver_names),)* }

        /// Opens a channel of a method.
        pub(crate) async fn open(client: &TreesClient, method: &str) -> Result<(Sender, Receiver)> {
            Ok(match method { #(#opens)* other => panic!("no method {other}") })
        }

        /// Sends a message; the inner error is a state that has no such message.
        pub(crate) async fn send(sender: Sender, id: u64) -> Result<Result<Sender, Sender>> {
            Ok(Ok(match (sender, id) { #(#sends)* (sender, _) => return Ok(Err(sender)) }))
        }

        /// Waits for a message, of a state that has any.
        pub(crate) async fn recv(receiver: Receiver) -> Result<(u64, Receiver)> {
            Ok(match receiver { #(#reads)* Receiver::Ended => panic!("nothing follows") })
        }
    };
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}
