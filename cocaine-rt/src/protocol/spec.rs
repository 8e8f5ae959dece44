//! What bindings are written against, as constants.

use std::sync::Arc;

use crate::protocol::graph::{Edge, Graph, Method, Tree, TreeNode};

/// What may be sent next on one side of a channel.
#[derive(Clone, Copy, Debug)]
pub enum TreeSpec {
    /// The same as before.
    Recurse,
    /// One of these: id, name, and what may follow.
    Node(&'static [(u64, &'static str, TreeSpec)]),
}

/// One method of a service.
#[derive(Clone, Copy, Debug)]
pub struct MethodSpec {
    /// The number that opened a channel when the bindings were written.
    pub id: u64,
    /// The name, by which the method is found when its number has changed.
    pub name: &'static str,
    /// What the client may send next.
    pub dispatch: TreeSpec,
    /// What the server may send back.
    pub upstream: TreeSpec,
    /// What becomes of a sending half that is dropped unfinished.
    pub on_drop: OnDrop,
}

/// A service, with its methods in the order of their ids.
#[derive(Clone, Copy, Debug)]
pub struct ServiceSpec {
    /// The name that it usually has.
    pub name: &'static str,
    /// The version of its protocol.
    pub version: u64,
    /// Its methods, control messages left out.
    pub methods: &'static [MethodSpec],
}

impl TreeSpec {
    /// `{}`: nothing is sent.
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
    /// Returns the graph that a server of this service announces, control messages included (`protocol.md` 4.2).
    pub fn graph(&self) -> Graph {
        Graph::new(self.methods.iter().map(MethodSpec::method)).with_controls()
    }
}

/// What becomes of a sending half that is dropped unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnDrop {
    /// The terminal message of its state is sent; without one the channel is revoked.
    Terminal,
    /// The channel is revoked: the server does not take the terminal message that it announces.
    Revoke,
}

impl OnDrop {
    /// Returns what becomes of the half of a method that no bindings describe.
    pub(crate) fn of(method: &str) -> Self {
        if method == "control" { Self::Revoke } else { Self::Terminal }
    }
}
