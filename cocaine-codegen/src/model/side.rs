//! One side of a session: its tree merged with its description.

use super::{Payload, SideModel, context::MergeContext, session};
use crate::{
    catalogue::SideDescription,
    metadata::{
        shape::{CallKind, TreeShape},
        tree::Tree,
    },
};

/// Returns the messages of a side, whose description fits the tree. The names of its states begin with `stem`.
pub(super) fn merge(
    tree: &Tree,
    side: Option<&SideDescription>,
    stem: &str,
    method: &str,
    context: &mut MergeContext<'_>,
) -> SideModel {
    let payload = match side {
        Some(SideDescription::Stream(ty) | SideDescription::Reply(ty)) => Payload::Known(ty.clone()),
        _ => Payload::Unknown,
    };
    let messages = match side {
        Some(SideDescription::Messages(messages)) => Some(messages),
        _ => None,
    };
    match tree.kind() {
        TreeShape::End => SideModel::End,
        TreeShape::Root => SideModel::Root,
        TreeShape::Streaming => SideModel::Stream(payload),
        TreeShape::Primitive => SideModel::Reply(payload),
        TreeShape::Close | TreeShape::Other => {
            SideModel::States(session::of(tree, messages, stem, method, context))
        }
    }
}

/// Returns the words for how a graph says that a method is called.
pub(super) fn describe(dispatch: &Tree, upstream: &Tree) -> String {
    match CallKind::of(dispatch, upstream) {
        CallKind::Mute => "nothing is answered".to_owned(),
        CallKind::Unary => "it answers with one value".to_owned(),
        CallKind::Streaming => "it answers with a stream".to_owned(),
        CallKind::Session => format!(
            "the caller sends {} and the service {} (a session)",
            describe_side(dispatch.kind(), dispatch),
            describe_side(upstream.kind(), upstream)
        ),
    }
}

fn describe_side(kind: TreeShape, tree: &Tree) -> String {
    match kind {
        TreeShape::End => "nothing".to_owned(),
        TreeShape::Root => "methods of the service".to_owned(),
        TreeShape::Primitive => "one value".to_owned(),
        TreeShape::Streaming => "a stream".to_owned(),
        TreeShape::Close | TreeShape::Other => {
            let names: Vec<_> =
                tree.messages().map(|(_, message)| crate::naming::shown(&message.0)).collect();
            format!("messages of its own ({})", names.join(", "))
        }
    }
}
