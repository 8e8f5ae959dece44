//! One side of a session: its tree merged with its description.

use super::{Half, Payload, context::Context, session};
use crate::{
    catalogue::Side,
    metadata::{
        shape::{Kind, Manner},
        tree::Tree,
    },
};

/// Returns what a side sends; the description fits the tree. `stem` begins the names of its states.
pub(super) fn merge(
    tree: &Tree,
    side: Option<&Side>,
    stem: &str,
    method: &str,
    context: &mut Context<'_>,
) -> Half {
    let payload = match side {
        Some(Side::Stream(ty) | Side::Reply(ty)) => Payload::Known(ty.clone()),
        _ => Payload::Unknown,
    };
    let messages = match side {
        Some(Side::Messages(messages)) => Some(messages),
        _ => None,
    };
    match tree.kind() {
        Kind::End => Half::End,
        Kind::Root => Half::Root,
        Kind::Streaming => Half::Stream(payload),
        Kind::Primitive => Half::Reply(payload),
        Kind::Close | Kind::Other => Half::States(session::of(tree, messages, stem, method, context)),
    }
}

/// Returns what a graph says about a method, in words.
pub(super) fn describe(dispatch: &Tree, upstream: &Tree) -> String {
    match Manner::of(dispatch, upstream) {
        Manner::Mute => "nothing is answered".to_owned(),
        Manner::Unary => "it answers with one value".to_owned(),
        Manner::Stream => "it answers with a stream".to_owned(),
        Manner::Session => format!(
            "the caller sends {} and the service {} (a session)",
            side(dispatch.kind(), dispatch),
            side(upstream.kind(), upstream)
        ),
    }
}

fn side(kind: Kind, tree: &Tree) -> String {
    match kind {
        Kind::End => "nothing".to_owned(),
        Kind::Root => "methods of the service".to_owned(),
        Kind::Primitive => "one value".to_owned(),
        Kind::Streaming => "a stream".to_owned(),
        Kind::Close | Kind::Other => {
            let names: Vec<_> =
                tree.messages().map(|(_, message)| crate::naming::shown(&message.0)).collect();
            format!("messages of its own ({})", names.join(", "))
        }
    }
}
