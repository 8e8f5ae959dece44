//! One method, or one message, as a catalogue describes it.

use std::collections::BTreeMap;

use crate::{
    catalogue::types::Type,
    error::SourceLocation,
    metadata::{
        shape::{CallKind, TreeShape},
        tree::Tree,
    },
};

/// What a method or a message takes and answers.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    /// The name of the Rust method.
    pub(crate) name: String,
    pub(crate) place: SourceLocation,
    pub(crate) docs: Vec<String>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) reply: Reply,
    pub(crate) revoke_on_drop: bool,
}

/// One argument.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// Text that a server takes in any encoding.
    pub(crate) is_lossy: bool,
}

/// What stands behind `->`.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Nothing.
    Nothing,
    /// `T`, or what is packed in another way on the wire.
    Value(ReplyWrapper, Type),
    /// `Guard`.
    Guard,
    /// `Stream<T>`.
    Stream(Type),
    /// `Session<Tx, Rx>`, and `Duplex<In, Out>` as `Session<Stream<Out>, Stream<In>>`.
    Session(SideDescription, SideDescription),
}

/// How one value is packed on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyWrapper {
    /// As it is.
    Plain,
    /// `FlaggedOption<T>`: `[found, value]` for an `Option<T>`.
    FlaggedOption,
    /// `FlaggedResult<T>`: `[done, value]` for a `Result<T, T>`.
    FlaggedResult,
    /// `MaybeFlatVec<T>`: `[[a, b]]`, or `[a, b]`, for a `Vec<T>`.
    MaybeFlatVec,
}

impl ReplyWrapper {
    /// Returns the name of what packs it.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::FlaggedOption => Some("FlaggedOption"),
            Self::FlaggedResult => Some("FlaggedResult"),
            Self::MaybeFlatVec => Some("MaybeFlatVec"),
        }
    }
}

/// What one side of a session sends.
#[derive(Clone, Debug)]
pub(crate) enum SideDescription {
    /// Nothing.
    End,
    /// What the service takes at its root.
    Root,
    /// `Stream<T>`.
    Stream(Type),
    /// `Reply<T>`.
    Reply(Type),
    /// The messages of a trait, by name on the wire.
    Messages(BTreeMap<String, Signature>),
}

impl Reply {
    /// Returns whether a method with these trees is answered like this.
    pub(crate) fn fits(&self, dispatch: &Tree, upstream: &Tree) -> bool {
        match (self, CallKind::of(dispatch, upstream)) {
            (Self::Nothing, CallKind::Mute | CallKind::Unary)
            | (Self::Value(..), CallKind::Unary)
            | (Self::Stream(_), CallKind::Streaming) => true,
            (Self::Guard, CallKind::Streaming) => dispatch.kind() == TreeShape::Close,
            (Self::Session(tx, rx), CallKind::Session) => {
                tx.fits(dispatch.kind()) && rx.fits(upstream.kind())
            }
            _ => false,
        }
    }

    /// Returns what it says, in words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Nothing => "it answers with no value".to_owned(),
            Self::Value(..) => "it answers with one value".to_owned(),
            Self::Guard => "it holds something until the caller sends `close`".to_owned(),
            Self::Stream(_) => "it answers with a stream".to_owned(),
            Self::Session(tx, rx) => {
                format!("the caller sends {} and the service {}", tx.describe(), rx.describe())
            }
        }
    }
}

impl SideDescription {
    /// Returns whether a tree of this kind is spoken like this.
    pub(crate) fn fits(&self, kind: TreeShape) -> bool {
        match self {
            Self::End => kind == TreeShape::End,
            Self::Root => kind == TreeShape::Root,
            Self::Stream(_) => kind == TreeShape::Streaming,
            Self::Reply(_) => kind == TreeShape::Primitive,
            Self::Messages(_) => matches!(kind, TreeShape::Close | TreeShape::Other),
        }
    }

    fn describe(&self) -> &'static str {
        match self {
            Self::End => "nothing",
            Self::Root => "methods of the service",
            Self::Stream(_) => "a stream",
            Self::Reply(_) => "one value",
            Self::Messages(_) => "messages of its own",
        }
    }
}
