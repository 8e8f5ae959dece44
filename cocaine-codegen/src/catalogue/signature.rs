//! One method, or one message, as a catalogue describes it.

use std::collections::BTreeMap;

use crate::{
    error::Place,
    tree::{Kind, Tree},
    types::Type,
};

/// What a method or a message takes and answers.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    /// The name of the Rust method.
    pub(crate) name: String,
    pub(crate) place: Place,
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
    pub(crate) lossy: bool,
}

/// What stands behind `->`.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Nothing.
    Nothing,
    /// `T`.
    Value(Type),
    /// `Stream<T>`.
    Stream(Type),
    /// `Session<Tx, Rx>`, and `Duplex<In, Out>` as `Session<Stream<Out>, Stream<In>>`.
    Session(Side, Side),
}

/// What one side of a session sends.
#[derive(Clone, Debug)]
pub(crate) enum Side {
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
        match (self, dispatch.kind(), upstream.kind()) {
            (Self::Nothing, Kind::End, Kind::End | Kind::Primitive)
            | (Self::Value(_), Kind::End, Kind::Primitive)
            | (Self::Stream(_), Kind::End, Kind::Streaming) => true,
            (_, Kind::End, Kind::End | Kind::Primitive | Kind::Streaming) => false,
            (Self::Session(tx, rx), sent, received) => tx.fits(sent) && rx.fits(received),
            _ => false,
        }
    }

    /// Returns what it says, in words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Nothing => "it answers with no value".to_owned(),
            Self::Value(_) => "it answers with one value".to_owned(),
            Self::Stream(_) => "it answers with a stream".to_owned(),
            Self::Session(tx, rx) => {
                format!("the caller sends {} and the service {}", tx.describe(), rx.describe())
            }
        }
    }
}

impl Side {
    /// Returns whether a tree of this kind is spoken like this.
    pub(crate) fn fits(&self, kind: Kind) -> bool {
        kind == match self {
            Self::End => Kind::End,
            Self::Root => Kind::Root,
            Self::Stream(_) => Kind::Streaming,
            Self::Reply(_) => Kind::Primitive,
            Self::Messages(_) => Kind::Other,
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
