//! The messages that the peer may still send on a channel.

use std::sync::Arc;

use crate::protocol::graph::{Tree, TreeNode, TreeShape};

/// The state of the receiving side of a channel.
///
/// ```text
///   Primitive ── 0 value, 1 error ──────────────> Ended
///   Streaming ── 0 write ─> Streaming ── 1, 2 ──> Ended
///   State(n) ─── by the edges of n ─────────────> State(m) or Ended
///   Close(n) ─── n ─────────────────────────────> Ended, and the channel is reset
/// ```
#[derive(Clone, Debug)]
pub(crate) enum RecvState {
    Primitive,
    Streaming,
    State(Arc<TreeNode>),
    /// Only the message with this id, by which the peer abandons the channel. It is not queued for a reader.
    Close(u64),
    Ended,
}

impl RecvState {
    pub(crate) fn new(tree: &Tree) -> Self {
        match tree.shape() {
            TreeShape::End => Self::Ended,
            TreeShape::Primitive => Self::Primitive,
            TreeShape::Streaming => Self::Streaming,
            // A tree that recurs at its root stands for the methods of the service, which are not sent on open channels.
            TreeShape::Other if tree.node().is_end() => Self::Ended,
            TreeShape::Other => Self::State(tree.node()),
        }
    }

    #[inline]
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// Moves on by a message; returns false if the state does not allow it.
    #[inline]
    pub(super) fn advance(&mut self, kind: u64) -> bool {
        match (&*self, kind) {
            (Self::Primitive, 0 | 1) | (Self::Streaming, 1 | 2) => *self = Self::Ended,
            (Self::Streaming, 0) => {}
            (Self::Close(close), kind) if *close == kind => *self = Self::Ended,
            (Self::State(node), _) => {
                let Some(edge) = node.message(kind) else { return false };
                if let Tree::Node(next) = &edge.next {
                    *self = if next.is_end() { Self::Ended } else { Self::State(next.clone()) };
                }
            }
            _ => return false,
        }
        true
    }
}
