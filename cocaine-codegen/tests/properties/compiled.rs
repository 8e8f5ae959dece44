//! A fixed set of nasty trees, compiled: what the compiler lets be said is what was read from the text.
//!
//! `trees.walk.rs` has an arm for each message of each state, made from what [`Machine`] reads: it compiles if each
//! message leads to the state that was read, and a message without an arm is one that does not compile.

use std::{collections::BTreeSet, env, fs, path::Path};

use cocaine::ServiceClient as _;
use cocaine_codegen::{Metadata, Method};
use proc_macro2::{Ident, TokenStream};
use proptest::prelude::*;
use quote::quote;
use tokio::runtime::Builder;

use crate::{
    cloud::{Cloud, scripted, without_last},
    graphs::{self, Choice},
    machine::{Halves, Machine, Next, Step, Verdict, by_graph},
};

mod generated {
    include!("../golden/trees.rs");
}

mod walk {
    include!("../golden/trees.walk.rs");
}

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(golden(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

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
fn driver(machine: &Machine) -> String {
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

#[test]
fn the_walk_is_what_the_text_says() {
    let text = driver(&Machine::read(&syn::parse_file(&read("trees.rs")).unwrap()));
    if env::var_os("BLESS").is_some_and(|value| value == "1") {
        assert!(env::var_os("CI").is_none(), "golden files are not rewritten where CI is set");
        fs::write(golden("trees.walk.rs"), &text).unwrap();
    }
    assert!(read("trees.walk.rs") == text, "look at the change, then run with BLESS=1");
}

/// Returns what the compiled code says of `ids`, sent one after the other.
async fn by_compiled_sender(cloud: &Cloud, method: &str, ids: &[u64]) -> Vec<Verdict> {
    let client = cloud.client.service_named("service").await.unwrap();
    let (mut sender, _receiver) = walk::open(&client, method).await.unwrap();
    let mut verdicts = Vec::new();
    for id in ids {
        match walk::send(sender, *id).await.unwrap() {
            Ok(walk::Sender::Ended) => {
                verdicts.push(Verdict::Last);
                sender = walk::Sender::Ended;
            }
            Ok(next) => {
                verdicts.push(Verdict::Allowed);
                sender = next;
            }
            Err(_) => {
                verdicts.push(Verdict::Refused);
                break;
            }
        }
    }
    verdicts
}

/// Returns what the compiled code says of `ids` as they come, one after the other.
async fn by_compiled_receiver(id: u64, method: &str, ids: &[u64]) -> Vec<Verdict> {
    let graph = generated::TreesClient::SPEC.graph();
    let (_cloud, client, mut peer) = scripted::<generated::TreesClient>(graph).await;
    let (_sender, mut receiver) = walk::open(&client, method).await.unwrap();
    peer.skip_opening(u8::try_from(id).unwrap()).await;
    let mut verdicts = Vec::new();
    for id in ids {
        if let walk::Receiver::Ended = receiver {
            verdicts.push(Verdict::Refused);
            break;
        }
        peer.send(1, *id).await;
        match walk::recv(receiver).await {
            Ok((read, next)) => {
                assert_eq!(read, *id, "another message");
                let ended = matches!(next, walk::Receiver::Ended);
                verdicts.push(if ended { Verdict::Last } else { Verdict::Allowed });
                receiver = next;
            }
            Err(error) => {
                assert!(error.to_string().contains("is not allowed"), "{error}");
                verdicts.push(Verdict::Refused);
                break;
            }
        }
    }
    verdicts
}

async fn compare(id: u64, method: &Method, choices: &[Choice]) -> Result<(), TestCaseError> {
    let sent = graphs::walk(&method.1, choices);
    let expected = by_graph(&method.1, &sent);
    let cloud = Cloud::serving(generated::TreesClient::SPEC).await;
    prop_assert_eq!(&by_compiled_sender(&cloud, &method.0, &sent).await, &expected, "the compiled sender");
    prop_assert_eq!(cloud.by_server(id, &sent).await, without_last(&expected), "the server");
    let come = graphs::walk(&method.2, choices);
    let expected = by_graph(&method.2, &come);
    prop_assert_eq!(by_compiled_receiver(id, &method.0, &come).await, expected, "the compiled receiver");
    Ok(())
}

fn sessions() -> Vec<(u64, Method)> {
    let trees = Metadata::from_json(&read("trees.json")).unwrap().services.remove("trees").unwrap();
    trees.graph.into_iter().filter(|(_, method)| crate::cloud::is_session(method)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_compiled_is_of_the_same_opinion(
        (id, method) in prop::sample::select(sessions()),
        choices in graphs::choices(),
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(id, &method, &choices))?;
    }
}
