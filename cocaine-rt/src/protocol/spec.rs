//! The constants that describe a service to its bindings.

use std::sync::Arc;

use crate::protocol::graph::{Edge, Graph, Method, Tree, TreeNode};

/// The messages that one side of a channel may send next.
#[derive(Clone, Copy, Debug)]
pub enum TreeSpec {
    /// The same messages as before.
    Recurse,
    /// One of these messages: id, name, and the messages that may follow.
    Node(&'static [(u64, &'static str, TreeSpec)]),
}

/// One method of a service.
#[derive(Clone, Copy, Debug)]
pub struct MethodSpec {
    /// The number of the method when the bindings were generated.
    pub id: u64,
    /// The name, which finds the method when its number has changed.
    pub name: &'static str,
    /// The messages that the client may send.
    pub dispatch: TreeSpec,
    /// The messages that the server may send.
    pub upstream: TreeSpec,
    /// What a sender does when it is dropped unfinished.
    pub on_drop: OnDrop,
}

/// A service, with its methods in the order of their ids.
#[derive(Clone, Copy, Debug)]
pub struct ServiceSpec {
    /// The usual name of the service.
    pub name: &'static str,
    /// The version of its protocol.
    pub version: u64,
    /// Its methods, without the control messages.
    pub methods: &'static [MethodSpec],
}

impl TreeSpec {
    /// `{}`: no message.
    pub const END: Self = Self::Node(&[]);
    /// One `value` or one `error`.
    pub const PRIMITIVE: Self = Self::Node(&[(0, "value", Self::END), (1, "error", Self::END)]);
    /// Any number of `write`, then one `error` or `close`.
    pub const STREAMING: Self =
        Self::Node(&[(0, "write", Self::Recurse), (1, "error", Self::END), (2, "close", Self::END)]);

    /// Returns the tree that this describes.
    pub fn tree(&self) -> Tree {
        let Self::Node(edges) = self else { return Tree::Recurse };
        if edges.is_empty() {
            return Tree::end();
        }
        Tree::Node(Arc::new(TreeNode::new(edges.iter().map(|(id, name, next)| Edge {
            id: *id,
            name: (*name).into(),
            next: next.tree(),
        }))))
    }
}

impl MethodSpec {
    /// Returns the method that this describes.
    pub fn method(&self) -> Method {
        Method {
            id: self.id,
            name: self.name.into(),
            dispatch: self.dispatch.tree(),
            upstream: self.upstream.tree(),
        }
    }
}

impl ServiceSpec {
    /// Returns the graph that a server of this service announces, including the control messages (`protocol.md` 4.2).
    pub fn graph(&self) -> Graph {
        Graph::new(self.methods.iter().map(MethodSpec::method)).with_controls()
    }
}

/// What a sender does when it is dropped unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnDrop {
    /// It sends the terminal message of its state, or revokes the channel if there is none.
    Terminal,
    /// It revokes the channel: the server announces a terminal message but does not accept it.
    Revoke,
}

impl OnDrop {
    /// Returns the behaviour for a method without bindings.
    pub(crate) fn for_method(method: &str) -> Self {
        if method == "control" { Self::Revoke } else { Self::Terminal }
    }
}
