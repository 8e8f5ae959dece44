//! Graph and catalogue put together: all that is to be emitted, with every name decided.
//!
//! The graph decides ids and shapes, the catalogue names and types. What they disagree about is an error, what
//! one of them lacks a warning.

mod context;
mod names;
mod service;
mod session;
mod side;

pub(crate) use context::Findings;
pub(crate) use service::service;

use crate::{
    catalogue::{Argument, Own, Pack, Signature, types::Type},
    metadata::tree::Tree,
};

/// One service.
#[derive(Debug)]
pub(crate) struct Service {
    /// The name on the wire.
    pub(crate) wire: String,
    pub(crate) version: u64,
    /// The name of its module and of its file.
    pub(crate) module: String,
    pub(crate) docs: Vec<String>,
    pub(crate) names: TypeNames,
    /// The types that the catalogue declares for it.
    pub(crate) types: Vec<Own>,
    /// By id, ascending.
    pub(crate) methods: Vec<Method>,
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
pub(crate) struct Method {
    pub(crate) id: u64,
    /// The name on the wire.
    pub(crate) wire: String,
    /// The name in Rust.
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) arguments: Arguments,
    pub(crate) shape: Shape,
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
pub(crate) enum Shape {
    /// Nothing comes back.
    Mute,
    /// One value comes back.
    Unary(Pack, Payload),
    /// Any number of values come back.
    Stream(Payload),
    /// Something is held until the caller lets go.
    Held,
    /// Both sides speak, or one in a way of its own.
    Session {
        /// What the caller sends.
        tx: Half,
        /// What the service sends.
        rx: Half,
    },
}

/// What one side of a session sends.
#[derive(Debug)]
pub(crate) enum Half {
    /// Nothing.
    End,
    /// Methods of the service, on the same channel.
    Root,
    Stream(Payload),
    Reply(Payload),
    /// The first of these, and what follows it.
    States(Vec<State>),
}

/// Whose messages they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    Caller,
    Service,
}

/// One node of a tree: what may be said here.
#[derive(Debug)]
pub(crate) struct State {
    /// The struct that sends.
    pub(crate) sender: String,
    /// The struct that receives.
    pub(crate) receiver: String,
    /// The enum that it receives.
    pub(crate) received: String,
    /// How one comes here, by names on the wire.
    pub(crate) path: Vec<String>,
    /// By id, ascending.
    pub(crate) messages: Vec<Message>,
}

/// One message of a state.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: u64,
    /// The name on the wire.
    pub(crate) wire: String,
    /// The name of the method that sends it.
    pub(crate) name: String,
    /// The name of the variant that is received.
    pub(crate) variant: String,
    pub(crate) docs: Vec<String>,
    pub(crate) arguments: Arguments,
    pub(crate) next: Next,
}

/// What follows a message.
#[derive(Debug)]
pub(crate) enum Next {
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

impl Service {
    /// Returns the name of the trait that a server implements.
    pub(crate) fn served(&self) -> &str {
        self.names.server.as_ref().unwrap_or(&self.names.contract)
    }

    /// Returns the states of all sessions, and who speaks in them.
    pub(crate) fn sides(&self) -> impl Iterator<Item = (&Method, Speaker, &[State])> {
        self.methods.iter().flat_map(|method| {
            let halves = match &method.shape {
                Shape::Session { tx, rx } => [Some((Speaker::Caller, tx)), Some((Speaker::Service, rx))],
                _ => [None, None],
            };
            halves.into_iter().flatten().filter_map(move |(speaker, half)| match half {
                Half::States(states) => Some((method, speaker, &states[..])),
                _ => None,
            })
        })
    }
}

impl State {
    /// Returns the message that a sender sends when it is dropped in this state: `error` if it ends the side, or else
    /// the first that does.
    pub(crate) fn parting(&self, method: &Method, speaker: Speaker) -> Option<&Message> {
        if method.revoke_on_drop && speaker == Speaker::Caller {
            return None;
        }
        let mut last = self.messages.iter().filter(|message| matches!(message.next, Next::End));
        last.clone().find(|message| message.wire == "error").or_else(|| last.next())
    }
}

impl Method {
    /// Returns whether somebody has described what it takes.
    pub(crate) fn is_described(&self) -> bool {
        matches!(self.arguments, Arguments::Known(_))
    }
}
