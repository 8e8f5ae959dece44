//! The model of a service: its graph merged with its catalogue entry, with every name decided.
//!
//! The graph decides ids and trees, the catalogue names and types. A disagreement between them is an error; something that
//! one of them lacks is a warning.

mod app;
mod context;
mod names;
mod service;
mod session;
mod side;

pub(crate) use app::{AppModel, ErrorModel, ErrorVariantModel, EventArgument, EventModel};
pub(crate) use context::Diagnostics;
pub(crate) use service::service;

use crate::{
    catalogue::{Argument, DeclaredType, ReplyWrapper, Signature, types::Type},
    metadata::{shape::Side, tree::Tree},
};

/// What a module of the output is for.
#[derive(Debug)]
pub(crate) enum ModuleModel {
    Service(ServiceModel),
    App(AppModel),
}

impl ModuleModel {
    /// Returns the name of the module and of its file.
    pub(crate) fn module(&self) -> &str {
        match self {
            Self::Service(service) => &service.module,
            Self::App(app) => &app.module,
        }
    }
}

/// One service.
#[derive(Debug)]
pub(crate) struct ServiceModel {
    /// The name on the wire.
    pub(crate) wire_name: String,
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

/// The names of a service's items.
#[derive(Debug)]
pub(crate) struct TypeNames {
    /// The trait for callers, and for servers if there is no other.
    pub(crate) caller_trait: String,
    /// The trait for servers, if a method opens a session.
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
    pub(crate) wire_name: String,
    /// The name in Rust.
    pub(crate) name: String,
    /// The name of the method of a double that expects a call.
    pub(crate) expectation: String,
    pub(crate) docs: Vec<String>,
    pub(crate) arguments: Arguments,
    pub(crate) shape: CallModel,
    pub(crate) revoke_on_drop: bool,
    pub(crate) dispatch: Tree,
    pub(crate) upstream: Tree,
}

/// The arguments of a method or a message.
#[derive(Debug)]
pub(crate) enum Arguments {
    Known(Vec<Argument>),
    /// The catalogue does not describe them.
    Unknown,
}

/// One value on the wire.
#[derive(Debug)]
pub(crate) enum Payload {
    Known(Type),
    /// The catalogue does not describe it.
    Unknown,
}

/// How a method is called.
#[derive(Debug)]
pub(crate) enum CallModel {
    /// Without a reply.
    Mute,
    /// The reply is one value.
    Unary(ReplyWrapper, Payload),
    /// The reply is a stream.
    Stream(Payload),
    /// The service holds a resource until the caller drops the guard.
    Guard,
    /// A session: both sides send, or one of them sends messages of its own.
    Session {
        /// What the caller sends.
        tx: SideModel,
        /// What the service sends.
        rx: SideModel,
    },
}

/// The messages of one side of a session.
#[derive(Debug)]
pub(crate) enum SideModel {
    /// Nothing.
    End,
    /// Methods of the service, on the same channel.
    Root,
    Stream(Payload),
    Reply(Payload),
    /// Messages of its own: the states of the side, the first state first.
    States(Vec<StateModel>),
}

/// One state of a side: a node of its tree, with the messages that can be sent.
#[derive(Debug)]
pub(crate) struct StateModel {
    /// The struct that sends.
    pub(crate) sender: String,
    /// The struct that receives.
    pub(crate) receiver: String,
    /// The enum that it receives.
    pub(crate) received: String,
    /// The names, on the wire, of the messages that lead here.
    pub(crate) path: Vec<String>,
    /// By id, ascending.
    pub(crate) messages: Vec<MessageModel>,
}

/// One message of a state.
#[derive(Debug)]
pub(crate) struct MessageModel {
    pub(crate) id: u64,
    /// The name on the wire.
    pub(crate) wire_name: String,
    /// The name of the method that sends it.
    pub(crate) name: String,
    /// The name of the variant that is received.
    pub(crate) variant: String,
    pub(crate) docs: Vec<String>,
    pub(crate) arguments: Arguments,
    pub(crate) next: Transition,
}

/// The state after a message.
#[derive(Debug)]
pub(crate) enum Transition {
    End,
    Stay,
    /// The state of this index.
    State(usize),
}

impl Arguments {
    /// Returns the arguments of a method or a message with this description.
    fn of(signature: Option<&Signature>) -> Self {
        match signature.map(|signature| &signature.arguments[..]) {
            None | Some([Argument { ty: Type::Runtime("Args"), .. }]) => Self::Unknown,
            Some(known) => Self::Known(known.to_vec()),
        }
    }
}

impl ServiceModel {
    /// Returns the name of the trait that a server implements.
    pub(crate) fn server_trait(&self) -> &str {
        self.names.server.as_ref().unwrap_or(&self.names.caller_trait)
    }

    /// Returns the states of all sessions, with their methods and sides.
    pub(crate) fn sides(&self) -> impl Iterator<Item = (&MethodModel, Side, &[StateModel])> {
        self.methods.iter().flat_map(|method| {
            let halves = match &method.shape {
                CallModel::Session { tx, rx } => [Some((Side::Client, tx)), Some((Side::Server, rx))],
                _ => [None, None],
            };
            halves.into_iter().flatten().filter_map(move |(side, half)| match half {
                SideModel::States(states) => Some((method, side, &states[..])),
                _ => None,
            })
        })
    }
}

impl StateModel {
    /// Returns the message that a sender sends when it is dropped in this state: `error` if it ends the side, or else
    /// the first that does.
    pub(crate) fn drop_message(&self, method: &MethodModel, side: Side) -> Option<&MessageModel> {
        if method.revoke_on_drop && side == Side::Client {
            return None;
        }
        let mut last = self.messages.iter().filter(|message| matches!(message.next, Transition::End));
        last.clone().find(|message| message.wire_name == "error").or_else(|| last.next())
    }
}

impl MethodModel {
    /// Returns whether the catalogue describes the arguments.
    pub(crate) fn is_described(&self) -> bool {
        matches!(self.arguments, Arguments::Known(_))
    }
}
