//! The names of messages, by the graph of their service.

use std::collections::HashMap;

use cocaine::graph::{Graph, Tree};

use super::{FIRST_CONTROL, file::Side};

/// The most channels of a connection whose states are known. A client that leaves more of them open gets numbers for names.
const MAX_CHANNELS: usize = 65_536;

/// The states of the channels of a connection.
#[derive(Debug)]
pub(super) struct MessageNames {
    graph: Graph,
    channels: HashMap<u64, ChannelState>,
}

/// What either side of a channel may send next.
#[derive(Debug)]
struct ChannelState {
    client: Tree,
    service: Tree,
}

impl MessageNames {
    pub(super) fn new(graph: Graph) -> Self {
        Self { graph, channels: HashMap::new() }
    }

    /// Returns the name of the next message of a channel; its number if the graph does not have it.
    pub(super) fn name(&mut self, from: Side, channel: u64, kind: u64) -> String {
        if let Some(name) = control_name(kind) {
            return name.to_owned();
        }
        self.known_name(from, channel, kind).unwrap_or_else(|| kind.to_string())
    }

    fn known_name(&mut self, from: Side, channel: u64, kind: u64) -> Option<String> {
        if from == Side::Client && !self.channels.contains_key(&channel) {
            let method = self.graph.entry(kind)?;
            if self.channels.len() < MAX_CHANNELS {
                let state =
                    ChannelState { client: method.dispatch.clone(), service: method.upstream.clone() };
                self.channels.insert(channel, state);
            }
            return Some(method.name.to_string());
        }
        let state = self.channels.get_mut(&channel)?;
        let tree = if from == Side::Client { &mut state.client } else { &mut state.service };
        let Tree::Node(node) = &*tree else { return None };
        let edge = node.message(kind)?;
        let name = edge.name.to_string();
        if let next @ Tree::Node(_) = edge.next.clone() {
            *tree = next;
        }
        if is_ended(&state.client) && is_ended(&state.service) {
            self.channels.remove(&channel);
        }
        Some(name)
    }
}

/// Returns whether nothing follows on this side.
fn is_ended(tree: &Tree) -> bool {
    matches!(tree, Tree::Node(node) if node.is_end())
}

/// Returns the name of a message that is not part of a tree.
fn control_name(kind: u64) -> Option<&'static str> {
    let index = usize::try_from(kind.checked_sub(FIRST_CONTROL)?).ok()?;
    ["credit", "goaway", "ping", "settings", "revoke"].get(index).copied()
}

#[cfg(test)]
mod tests {
    use cocaine::graph::Method;

    use super::*;

    #[test]
    fn messages_have_the_names_of_their_trees() {
        let method =
            |id, name: &str, dispatch, upstream| Method { id, name: name.into(), dispatch, upstream };
        let graph = Graph::new([
            method(0, "read", Tree::end(), Tree::primitive()),
            method(1, "enqueue", Tree::streaming(), Tree::streaming()),
        ]);
        let mut names = MessageNames::new(graph);
        let (client, service) = (Side::Client, Side::Service);
        for (from, channel, kind, name) in [
            (client, 1, 0, "read"),
            (client, 2, 1, "enqueue"),
            (service, 1, 1, "error"),
            (client, 2, 0, "write"),
            (client, 2, 0, "write"),
            (client, 2, 65_531, "credit"),
            (service, 2, 0, "write"),
            (client, 2, 2, "close"),
            (service, 2, 2, "close"),
            (service, 2, 2, "2"),
            (client, 3, 9, "9"),
        ] {
            assert_eq!(names.name(from, channel, kind), name);
        }
        assert!(names.channels.is_empty());
    }
}
