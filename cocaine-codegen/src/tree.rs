//! What one side may say on a channel, as a tree of messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::unique;

/// The first id of the control messages, which every runtime adds to its graphs and which are never methods.
pub const FIRST_CONTROL: u64 = 65_532;

/// How deep a tree may be. A runtime reads at most 32 nested containers, two of them for each level.
pub const MAX_DEPTH: usize = 32;

/// What one side may send next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// The same as before: `null` in JSON, nil on the wire.
    Recurse,
    /// One of these messages, by id. Without any, the side has finished.
    Node(BTreeMap<u64, Message>),
}

/// One message of a [`Tree`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message(
    /// Its name; names need not be unique.
    pub String,
    /// What may follow it.
    pub Tree,
);

/// The trees that have a type of their own in the runtime, and the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
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

/// How a method is called, as its two trees say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nothing comes back.
    Mute,
    /// One value comes back.
    Unary,
    /// Any number of values come back.
    Stream,
    /// Both sides speak, or one in a way of its own.
    Session,
}

impl Manner {
    /// Returns how a method with these trees is called. A caller that may say nothing but `close` leaves that to the
    /// runtime, which sends it when the call is let go of: it does not speak.
    pub(crate) fn of(dispatch: &Tree, upstream: &Tree) -> Self {
        match (dispatch.kind(), upstream.kind()) {
            (Kind::End, Kind::End) => Self::Mute,
            (Kind::End | Kind::Close, Kind::Primitive) => Self::Unary,
            (Kind::End | Kind::Close, Kind::Streaming) => Self::Stream,
            _ => Self::Session,
        }
    }
}

impl Tree {
    /// Returns the tree without messages.
    pub fn end() -> Self {
        Self::Node(BTreeMap::new())
    }

    /// Returns the tree of one value or an error.
    pub fn primitive() -> Self {
        Self::of([("value", Self::end()), ("error", Self::end())])
    }

    /// Returns the tree of a stream.
    pub fn streaming() -> Self {
        Self::of([("write", Self::Recurse), ("error", Self::end()), ("close", Self::end())])
    }

    fn of<const N: usize>(messages: [(&str, Self); N]) -> Self {
        let messages = messages.map(|(name, next)| Message(name.to_owned(), next));
        Self::Node((0..).zip(messages).collect())
    }

    /// Returns what kind of tree it is, at the root of a method. Control messages in it do not count.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Recurse => Kind::Root,
            _ if self.is_end() => Kind::End,
            _ if self.are(&[("value", false), ("error", false)]) => Kind::Primitive,
            _ if self.are(&[("write", true), ("error", false), ("close", false)]) => Kind::Streaming,
            _ if self.closes() => Kind::Close,
            Self::Node(_) => Kind::Other,
        }
    }

    /// Returns the messages, the control messages left out.
    pub fn messages(&self) -> impl Iterator<Item = (u64, &Message)> {
        let messages = match self {
            Self::Recurse => None,
            Self::Node(messages) => Some(messages),
        };
        messages
            .into_iter()
            .flatten()
            .map(|(id, message)| (*id, message))
            .take_while(|(id, _)| *id < FIRST_CONTROL)
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

    /// Returns whether nothing may follow. Control messages do not count.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Self::Node(_)) && self.messages().next().is_none()
    }

    /// Returns how many levels of messages there are.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Recurse => 0,
            Self::Node(messages) => {
                messages.values().map(|Message(_, next)| 1 + next.depth()).max().unwrap_or_default()
            }
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Recurse => serializer.serialize_none(),
            Self::Node(messages) => messages.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Option::<unique::Map<u64, Message>>::deserialize(deserializer)?;
        Ok(node.map_or(Self::Recurse, |messages| Self::Node(messages.0)))
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
            ("{}", Kind::End),
            ("null", Kind::Root),
            (r#"{"0":["value",{}],"1":["error",{}]}"#, Kind::Primitive),
            (r#"{"0":["write",null],"1":["error",{}],"2":["close",{}]}"#, Kind::Streaming),
            (r#"{"0":["value",{}],"1":["failure",{}]}"#, Kind::Other),
            (r#"{"0":["value",null],"1":["error",{}]}"#, Kind::Other),
            (r#"{"0":["write",null],"1":["error",null],"2":["close",{}]}"#, Kind::Other),
            (r#"{"0":["write",{}],"1":["error",{}],"2":["close",{}]}"#, Kind::Other),
            (r#"{"0":["close",{}]}"#, Kind::Close),
            (r#"{"3":["close",{}],"65533":["ping",{}]}"#, Kind::Close),
            (r#"{"0":["close",null]}"#, Kind::Other),
            (r#"{"0":["close",{}],"1":["cancel",{}]}"#, Kind::Other),
            (r#"{"0":["discard",{}]}"#, Kind::Other),
            (r#"{"65533":["ping",{}]}"#, Kind::End),
            (
                r#"{"0":["value",{}],"1":["error",{"65533":["ping",{}]}],"65535":["revoke",{}]}"#,
                Kind::Primitive,
            ),
            (r#"{"1":["value",{}],"2":["error",{}]}"#, Kind::Other),
        ] {
            assert_eq!(tree(json).kind(), kind, "{json}");
        }
    }

    #[test]
    fn control_messages_are_no_messages() {
        let tree = tree(r#"{"0":["discard",{}],"65532":["goaway",{}],"65535":["revoke",{}]}"#);
        assert_eq!(tree.messages().map(|(id, _)| id).collect::<Vec<_>>(), [0]);
        assert_eq!(tree.depth(), 1);
    }

    #[test]
    fn a_repeated_id_is_refused() {
        let error = serde_json::from_str::<Tree>(r#"{"0":["a",{}],"0":["b",{}]}"#).unwrap_err();
        assert!(error.to_string().contains("`0` stands here twice"), "{error}");
    }
}
