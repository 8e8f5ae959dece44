//! The states of a tree that has no type in the runtime.

use std::collections::BTreeMap;

use super::{Arguments, MessageModel, StateModel, Transition, context::MergeContext, names};
use crate::{
    catalogue::Signature,
    metadata::tree::{self, Tree},
    naming::{self, NameScope},
};

type MessageDescriptions<'a> = Option<&'a BTreeMap<String, Signature>>;

/// Returns the states of `tree`, its root first; their names begin with `stem`.
pub(super) fn of(
    tree: &Tree,
    described: MessageDescriptions<'_>,
    stem: &str,
    method: &str,
    context: &mut MergeContext<'_>,
) -> Vec<StateModel> {
    let mut states = Vec::new();
    let mut walk = StateBuilder { described, stem, method, context };
    walk.visit(tree, "", &[], &mut states);
    walk.warn_of_missing(&states);
    states
}

struct StateBuilder<'a, 'c> {
    described: MessageDescriptions<'a>,
    stem: &'a str,
    /// The method's name on the wire.
    method: &'a str,
    context: &'a mut MergeContext<'c>,
}

impl StateBuilder<'_, '_> {
    /// Adds the state of `tree` and those after it; returns its index. `suffix` ends the names.
    fn visit(&mut self, tree: &Tree, suffix: &str, path: &[String], states: &mut Vec<StateModel>) -> usize {
        let index = states.len();
        let mut named =
            |word: &str| names::state(format!("{}{word}{suffix}", self.stem), &mut self.context.types);
        states.push(StateModel {
            sender: named("Sender"),
            receiver: named("Receiver"),
            received: named("Received"),
            path: path.to_vec(),
            messages: Vec::new(),
        });
        let methods = self.message_names(tree);
        let variants: Vec<_> = methods.iter().map(|name| variant(name)).collect();
        let variants = NameScope::claim_all(&variants, "");
        let mut messages = Vec::new();
        for ((id, tree::Message(wire, next)), (name, variant)) in
            tree.messages().zip(methods.into_iter().zip(variants))
        {
            let signature = self.described.and_then(|described| described.get(wire));
            let next = match next {
                Tree::Recurse => Transition::Stay,
                next if next.is_end() => Transition::End,
                Tree::Node(_) => {
                    let path: Vec<_> = path.iter().chain([wire]).cloned().collect();
                    Transition::State(self.visit(next, &format!("{suffix}{variant}"), &path, states))
                }
            };
            messages.push(self.message(id, wire, [name, variant], signature, next));
        }
        states[index].messages = messages;
        index
    }

    /// Returns the names of the methods that send the messages of `tree`.
    fn message_names(&self, tree: &Tree) -> Vec<String> {
        let wanted = tree.messages().map(|(id, tree::Message(wire, _))| {
            naming::message(match self.described.and_then(|described| described.get(wire)) {
                Some(signature) => signature.name.clone(),
                None => naming::snake(wire, &format!("message_{id}")),
            })
        });
        NameScope::claim_all(&wanted.collect::<Vec<_>>(), "_")
    }

    fn message(
        &mut self,
        id: u64,
        wire: &str,
        [name, variant]: [String; 2],
        signature: Option<&Signature>,
        next: Transition,
    ) -> MessageModel {
        if self.described.is_some() && signature.is_none() {
            let text = format!(
                "the catalogue does not describe its message `{}`: it is untyped",
                naming::shown(wire)
            );
            self.context.diagnostics.warn(self.context.service, Some(self.method), text);
        }
        MessageModel {
            id,
            wire_name: wire.to_owned(),
            name,
            variant,
            docs: signature.map(|signature| signature.docs.clone()).unwrap_or_default(),
            arguments: Arguments::of(signature),
            next,
        }
    }

    /// Warns of messages that only the catalogue knows.
    fn warn_of_missing(&mut self, states: &[StateModel]) {
        for name in self.described.into_iter().flat_map(BTreeMap::keys) {
            if !states.iter().flat_map(|state| &state.messages).any(|message| message.wire_name == *name) {
                let text = format!(
                    "the catalogue describes its message `{}`, the graph has none",
                    naming::shown(name)
                );
                self.context.diagnostics.warn(self.context.service, Some(self.method), text);
            }
        }
    }
}

fn variant(name: &str) -> String {
    let camel = naming::camel(name, "Message");
    if camel == "Self" { "SelfMessage".to_owned() } else { camel }
}
