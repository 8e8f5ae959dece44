//! The shapes of trees that the runtime has a type for, and how a method of such trees is called.

use super::tree::{Message, Tree};

/// The trees that have a type of their own in the runtime, and the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeShape {
    /// Nothing is ever sent.
    End,
    /// One `value` or one `error`.
    Primitive,
    /// Any number of `write`, then `error` or `close`.
    Streaming,
    /// One `close` and nothing else, which lets go of a channel.
    Close,
    /// The methods of the service itself: a tree that is `null` at its root.
    Root,
    /// Anything else.
    Other,
}

/// The two sides of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The side that opens the channel, with the messages of the dispatch tree.
    Client,
    /// The side that answers, with the messages of the upstream tree.
    Server,
}

/// How a method is called, as its two trees say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// Without a reply.
    Mute,
    /// The reply is one value.
    Unary,
    /// The reply is a stream.
    Streaming,
    /// A session: both sides send, or one of them sends messages of its own.
    Session,
}

impl CallKind {
    /// Returns how a method with these trees is called. A caller that can send only `close` does not make a session: the
    /// runtime sends the message when the call is dropped.
    pub(crate) fn of(dispatch: &Tree, upstream: &Tree) -> Self {
        match (dispatch.kind(), upstream.kind()) {
            (TreeShape::End, TreeShape::End) => Self::Mute,
            (TreeShape::End | TreeShape::Close, TreeShape::Primitive) => Self::Unary,
            (TreeShape::End | TreeShape::Close, TreeShape::Streaming) => Self::Streaming,
            _ => Self::Session,
        }
    }
}

impl Tree {
    /// Returns what kind of tree it is, at the root of a method. Control messages in it do not count.
    pub fn kind(&self) -> TreeShape {
        match self {
            Self::Recurse => TreeShape::Root,
            _ if self.is_end() => TreeShape::End,
            _ if self.are(&[("value", false), ("error", false)]) => TreeShape::Primitive,
            _ if self.are(&[("write", true), ("error", false), ("close", false)]) => TreeShape::Streaming,
            _ if self.closes() => TreeShape::Close,
            Self::Node(_) => TreeShape::Other,
        }
    }

    fn closes(&self) -> bool {
        let mut messages = self.messages();
        let close = messages.next().is_some_and(|(_, Message(name, next))| name == "close" && next.is_end());
        close && messages.next().is_none()
    }

    /// Returns whether these are the messages, with ids from 0; each is repeated, or the last.
    fn are(&self, expected: &[(&str, bool)]) -> bool {
        let same = |(id, Message(name, next)): (u64, &Message),
                    (expected, (known, repeated)): (u64, &(&str, bool))| {
            id == expected && name == known && if *repeated { *next == Self::Recurse } else { next.is_end() }
        };
        self.messages().count() == expected.len()
            && self.messages().zip((0..).zip(expected)).all(|(found, expected)| same(found, expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(json: &str) -> Tree {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn kinds() {
        for (json, kind) in [
            ("{}", TreeShape::End),
            ("null", TreeShape::Root),
            (r#"{"0":["value",{}],"1":["error",{}]}"#, TreeShape::Primitive),
            (r#"{"0":["write",null],"1":["error",{}],"2":["close",{}]}"#, TreeShape::Streaming),
            (r#"{"0":["value",{}],"1":["failure",{}]}"#, TreeShape::Other),
            (r#"{"0":["value",null],"1":["error",{}]}"#, TreeShape::Other),
            (r#"{"0":["write",null],"1":["error",null],"2":["close",{}]}"#, TreeShape::Other),
            (r#"{"0":["write",{}],"1":["error",{}],"2":["close",{}]}"#, TreeShape::Other),
            (r#"{"0":["close",{}]}"#, TreeShape::Close),
            (r#"{"3":["close",{}],"65533":["ping",{}]}"#, TreeShape::Close),
            (r#"{"0":["close",null]}"#, TreeShape::Other),
            (r#"{"0":["close",{}],"1":["cancel",{}]}"#, TreeShape::Other),
            (r#"{"0":["discard",{}]}"#, TreeShape::Other),
            (r#"{"65533":["ping",{}]}"#, TreeShape::End),
            (
                r#"{"0":["value",{}],"1":["error",{"65533":["ping",{}]}],"65535":["revoke",{}]}"#,
                TreeShape::Primitive,
            ),
            (r#"{"1":["value",{}],"2":["error",{}]}"#, TreeShape::Other),
        ] {
            assert_eq!(tree(json).kind(), kind, "{json}");
        }
    }
}
