//! One side of a session: its tree merged with its description.

use super::{Half, Payload, merge::Context, states};
use crate::{
    catalogue::Side,
    tree::{Kind, Tree},
    types::Type,
};

/// Returns what a side sends, unless tree and description disagree; `stem` begins the names of its states.
pub(super) fn merge(
    tree: &Tree,
    side: Option<&Side>,
    stem: &str,
    method: &str,
    context: &mut Context<'_>,
) -> Option<Half> {
    let known = |ty: &Type| Payload::Known(ty.clone());
    match (tree.kind(), side) {
        (Kind::End, None | Some(Side::End)) => Some(Half::End),
        (Kind::Root, None | Some(Side::Root)) => Some(Half::Root),
        (Kind::Streaming, None) => Some(Half::Stream(Payload::Unknown)),
        (Kind::Streaming, Some(Side::Stream(ty))) => Some(Half::Stream(known(ty))),
        (Kind::Primitive, None) => Some(Half::Reply(Payload::Unknown)),
        (Kind::Primitive, Some(Side::Reply(ty))) => Some(Half::Reply(known(ty))),
        (Kind::Other, None) => Some(Half::States(states::of(tree, None, stem, method, context))),
        (Kind::Other, Some(Side::Messages(messages))) => {
            Some(Half::States(states::of(tree, Some(messages), stem, method, context)))
        }
        _ => None,
    }
}

/// Returns what a graph says about a method, in words.
pub(super) fn describe(dispatch: &Tree, upstream: &Tree) -> String {
    match (dispatch.kind(), upstream.kind()) {
        (Kind::End, Kind::End) => "nothing is answered".to_owned(),
        (Kind::End, Kind::Primitive) => "it answers with one value".to_owned(),
        (Kind::End, Kind::Streaming) => "it answers with a stream".to_owned(),
        (sent, received) => format!(
            "the caller sends {} and the service {} (a session)",
            side(sent, dispatch),
            side(received, upstream)
        ),
    }
}

fn side(kind: Kind, tree: &Tree) -> String {
    match kind {
        Kind::End => "nothing".to_owned(),
        Kind::Root => "methods of the service".to_owned(),
        Kind::Primitive => "one value".to_owned(),
        Kind::Streaming => "a stream".to_owned(),
        Kind::Other => {
            let names: Vec<_> =
                tree.messages().map(|(_, message)| crate::naming::shown(&message.0)).collect();
            format!("messages of its own ({})", names.join(", "))
        }
    }
}
