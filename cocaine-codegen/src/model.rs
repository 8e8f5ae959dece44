//! Graph and catalogue put together: all that is to be emitted, with every name decided.
//!
//! The graph decides ids and shapes, the catalogue names and types. What they disagree about is an error, what
//! one of them lacks a warning.

mod context;
mod names;
mod service;
mod session;
mod side;

pub(crate) use context::Diagnostics;
pub(crate) use service::service;

use crate::{
    catalogue::{Argument, DeclaredType, ReplyWrapper, Signature, types::Type},
    metadata::{shape::Side, tree::Tree},
};

/// One service.
#[derive(Debug)]
pub(crate) struct ServiceModel {
    /// The name on the wire.
    pub(crate) wire: String,
    pub(crate) version: u64,
    /// The name of its module and of its file.
    pub(crate) module: String,
    pub(crate) docs: Vec<String>,
    pub(crate) names: TypeNames,
    /// The types that the catalogue declares for it.
    pub(crate) types: Vec<DeclaredType>,
    /// By id, ascending.
    pub(crate) methods: Vec<MethodModel>,
}

/// What the items of a service are called.
#[derive(Debug)]
pub(crate) struct TypeNames {
    /// The trait for callers, and for servers if there is no other.
    pub(crate) contract: String,
    /// The trait for servers, where a method lets both sides speak.
    pub(crate) server: Option<String>,
    pub(crate) client: String,
    pub(crate) serve: String,
    pub(crate) double: String,
    pub(crate) table: String,
}

/// One method.
#[derive(Debug)]
pub(crate) struct MethodModel {
    pub(crate) id: u64,
    /// The name on the wire.
    pub(crate) wire: String,
    /// The name in Rust.
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) arguments: Arguments,
    pub(crate) shape: CallModel,
    pub(crate) revoke_on_drop: bool,
    pub(crate) dispatch: Tree,
    pub(crate) upstream: Tree,
}

/// What a method or a message takes.
#[derive(Debug)]
pub(crate) enum Arguments {
    Known(Vec<Argument>),
    /// Nobody describes them.
    Unknown,
}

/// One value on the wire.
#[derive(Debug)]
pub(crate) enum Payload {
    Known(Type),
    /// Nobody describes it.
    Unknown,
}

/// How a call goes.
#[derive(Debug)]
pub(crate) enum CallModel {
    /// Nothing comes back.
    Mute,
    /// One value comes back.
    Unary(ReplyWrapper, Payload),
    /// Any number of values come back.
    Stream(Payload),
    /// Something is held until the caller lets go.
    Guard,
    /// Both sides speak, or one in a way of its own.
    Session {
        /// What the caller sends.
        tx: SideModel,
        /// What the service sends.
        rx: SideModel,
    },
}

/// What one side of a session sends.
#[derive(Debug)]
pub(crate) enum SideModel {
    /// Nothing.
    End,
    /// Methods of the service, on the same channel.
    Root,
    Stream(Payload),
    Reply(Payload),
    /// The first of these, and what follows it.
    States(Vec<StateModel>),
}

/// One node of a tree: what may be said here.
#[derive(Debug)]
pub(crate) struct StateModel {
    /// The struct that sends.
    pub(crate) sender: String,
    /// The struct that receives.
    pub(crate) receiver: String,
    /// The enum that it receives.
    pub(crate) received: String,
    /// How one comes here, by names on the wire.
    pub(crate) path: Vec<String>,
    /// By id, ascending.
    pub(crate) messages: Vec<MessageModel>,
}

/// One message of a state.
#[derive(Debug)]
pub(crate) struct MessageModel {
    pub(crate) id: u64,
    /// The name on the wire.
    pub(crate) wire: String,
    /// The name of the method that sends it.
    pub(crate) name: String,
    /// The name of the variant that is received.
    pub(crate) variant: String,
    pub(crate) docs: Vec<String>,
    pub(crate) arguments: Arguments,
    pub(crate) next: Transition,
}

/// What follows a message.
#[derive(Debug)]
pub(crate) enum Transition {
    End,
    Stay,
    /// The state of this index.
    State(usize),
}

impl Arguments {
    /// Returns what a method or a message of this description takes.
    fn of(signature: Option<&Signature>) -> Self {
        match signature.map(|signature| &signature.arguments[..]) {
            None | Some([Argument { ty: Type::Runtime("Args"), .. }]) => Self::Unknown,
            Some(known) => Self::Known(known.to_vec()),
        }
    }
}

impl ServiceModel {
    /// Returns the name of the trait that a server implements.
    pub(crate) fn served(&self) -> &str {
        self.names.server.as_ref().unwrap_or(&self.names.contract)
    }

    /// Returns the states of all sessions, and who speaks in them.
    pub(crate) fn sides(&self) -> impl Iterator<Item = (&MethodModel, Side, &[StateModel])> {
        self.methods.iter().flat_map(|method| {
            let halves = match &method.shape {
                CallModel::Session { tx, rx } => [Some((Side::Client, tx)), Some((Side::Server, rx))],
                _ => [None, None],
            };
            halves.into_iter().flatten().filter_map(move |(speaker, half)| match half {
                SideModel::States(states) => Some((method, speaker, &states[..])),
                _ => None,
            })
        })
    }
}

impl StateModel {
    /// Returns the message that a sender sends when it is dropped in this state: `error` if it ends the side, or else
    /// the first that does.
    pub(crate) fn parting(&self, method: &MethodModel, speaker: Side) -> Option<&MessageModel> {
        if method.revoke_on_drop && speaker == Side::Client {
            return None;
        }
        let mut last = self.messages.iter().filter(|message| matches!(message.next, Transition::End));
        last.clone().find(|message| message.wire == "error").or_else(|| last.next())
    }
}

impl MethodModel {
    /// Returns whether somebody has described what it takes.
    pub(crate) fn is_described(&self) -> bool {
        matches!(self.arguments, Arguments::Known(_))
    }
}
