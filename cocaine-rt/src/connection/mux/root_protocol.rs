//! The first messages of channels, as a served service takes them.

use super::{Violation, recv_state::RecvState};
use crate::{
    protocol::{
        code::Code,
        error::Error,
        graph::{CallKind, Graph, PING, REVOKE},
    },
    wire::decode,
};

/// The root protocol of a served service: its methods and the control messages.
#[derive(Debug)]
pub(crate) struct RootProtocol {
    methods: Vec<RootMethod>,
}

#[derive(Debug)]
struct RootMethod {
    id: u64,
    recv_state: RecvState,
    is_tracked: bool,
    is_long_lived: bool,
    is_cancellable: bool,
}

/// The meaning of a first message.
#[derive(Debug)]
pub(super) enum FirstMessage {
    /// An invocation of a method.
    Method {
        /// The index among the methods of the graph.
        index: usize,
        /// The messages that the client may send next.
        recv_state: RecvState,
        /// Whether the channel outlives its first message on the server's side.
        is_tracked: bool,
        /// Whether the invocation may last as long as the channel.
        is_long_lived: bool,
        /// Whether the invocation is cancelled when its caller leaves.
        is_cancellable: bool,
    },
    /// The control message that asks whether the server responds.
    Ping,
    /// The control message that resets a channel.
    Revoke,
    /// No message that is served: `settings` and `goaway` are announced only (`protocol.md` 2.1).
    Unknown,
}

impl RootProtocol {
    pub(crate) fn new(graph: &Graph) -> Self {
        let methods = graph.methods().map(|method| {
            let kind = CallKind::of(&method.dispatch, &method.upstream);
            let recv_state = match method.dispatch.closing() {
                Some(close) if kind != CallKind::Session => RecvState::Close(close),
                _ => RecvState::new(&method.dispatch),
            };
            let is_long_lived = matches!(kind, CallKind::Streaming | CallKind::Session);
            let is_tracked = is_long_lived || !recv_state.is_ended();
            let is_cancellable = kind == CallKind::Unary;
            RootMethod { id: method.id, recv_state, is_tracked, is_long_lived, is_cancellable }
        });
        Self { methods: methods.collect() }
    }

    /// Runs the calls of a method to their ends, also when their callers leave.
    pub(crate) fn run_to_completion(&mut self, index: usize) {
        if let Some(method) = self.methods.get_mut(index) {
            method.is_cancellable = false;
        }
    }

    pub(super) fn first_message(&self, id: u64) -> FirstMessage {
        match self.methods.binary_search_by_key(&id, |method| method.id) {
            Ok(index) => {
                let method = &self.methods[index];
                let RootMethod { is_tracked, is_long_lived, is_cancellable, .. } = *method;
                FirstMessage::Method {
                    index,
                    recv_state: method.recv_state.clone(),
                    is_tracked,
                    is_long_lived,
                    is_cancellable,
                }
            }
            Err(_) if id == PING => FirstMessage::Ping,
            Err(_) if id == REVOKE => FirstMessage::Revoke,
            Err(_) => FirstMessage::Unknown,
        }
    }
}

/// Decodes the arguments of `revoke`: the channel, and the error for its reader (`protocol.md` 2.1).
pub(super) fn decode_revoke(args: &bytes::Bytes) -> Result<(u64, Error), Violation> {
    let (channel, code): (u64, Code) = decode::args(args)
        .map_err(|error| Violation::new(Code::INVALID_ARGUMENTS, format!("revoke: {error}")))?;
    Ok((channel, Error::service(code, "the channel was revoked")))
}
