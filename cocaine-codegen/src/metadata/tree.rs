//! What one side may say on a channel, as a tree of messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::unique_map::UniqueMap;
use crate::naming::shown;

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

    /// Returns whether both have the same messages, control messages left out: whether they are one to a client.
    pub(crate) fn same_messages(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Recurse, Self::Recurse) => true,
            (Self::Node(_), Self::Node(_)) => {
                let same = |((id, one), (other_id, other)): ((u64, &Message), (u64, &Message))| {
                    id == other_id && one.0 == other.0 && one.1.same_messages(&other.1)
                };
                self.messages().count() == other.messages().count()
                    && self.messages().zip(other.messages()).all(same)
            }
            _ => false,
        }
    }

    /// Returns whether nothing may follow. Control messages do not count.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Self::Node(_)) && self.messages().next().is_none()
    }

    /// Returns the tree on one line: `{0 begin {1 chunk …, 2 end}}`, with `…` for a message that repeats.
    pub(crate) fn to_line(&self) -> String {
        let Self::Node(messages) = self else {
            return "…".to_owned();
        };
        let messages: Vec<_> = (messages.iter())
            .map(|(id, Message(name, next))| {
                let next = if next.is_end() { String::new() } else { format!(" {}", next.to_line()) };
                format!("{id} {}{next}", shown(name))
            })
            .collect();
        format!("{{{}}}", messages.join(", "))
    }

    /// Returns how many levels of messages there are.
    pub(crate) fn depth(&self) -> usize {
        let mut level: Vec<_> = vec![self];
        let mut depth = 0;
        // Level by level, since a tree that is made by hand can be deeper than the stack.
        loop {
            let next = level.into_iter().filter_map(|tree| match tree {
                Self::Recurse => None,
                Self::Node(messages) => Some(messages.values().map(|Message(_, next)| next)),
            });
            level = next.flatten().collect();
            if level.is_empty() {
                return depth;
            }
            depth += 1;
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
        let node = Option::<UniqueMap<u64, Message>>::deserialize(deserializer)?;
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
    fn control_messages_are_no_messages() {
        let tree = tree(r#"{"0":["discard",{}],"65532":["goaway",{}],"65535":["revoke",{}]}"#);
        assert_eq!(tree.messages().map(|(id, _)| id).collect::<Vec<_>>(), [0]);
        assert_eq!(tree.depth(), 1);
    }

    #[test]
    fn repeated_id_is_an_error() {
        let error = serde_json::from_str::<Tree>(r#"{"0":["a",{}],"0":["b",{}]}"#).unwrap_err();
        assert!(error.to_string().contains("`0` stands here twice"), "{error}");
    }
}
