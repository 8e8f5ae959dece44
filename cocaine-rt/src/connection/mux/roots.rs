//! What a server answers to: the first messages of channels.

use crate::{
    connection::mux::{Violation, slot::RecvState},
    protocol::{
        code::Code,
        error::Error,
        graph::{CallKind, Graph, PING, REVOKE},
    },
    wire::decode,
};

/// The root protocol of a served service.
#[derive(Debug)]
pub(crate) struct RootProtocol {
    methods: Vec<RootMethod>,
}

#[derive(Debug)]
struct RootMethod {
    id: u64,
    recv_state: RecvState,
    kept: bool,
    lasting: bool,
}

/// What a first message asks for.
#[derive(Debug)]
pub(crate) enum FirstMessage {
    /// A method of the service.
    Method {
        /// Its place among the methods of the graph.
        place: usize,
        /// What the client may send next.
        recv_state: RecvState,
        /// Whether the channel outlives its first message on the server's side.
        kept: bool,
        /// Whether the invocation may last as long as the channel.
        lasting: bool,
    },
    /// The control message that asks whether the server is there.
    Ping,
    /// The control message that ends a channel.
    Revoke,
    /// Nothing that is served: `settings` and `goaway` are announced only (`protocol.md` 2.1).
    Unknown,
}

impl RootProtocol {
    pub(crate) fn new(graph: &Graph) -> Self {
        let methods = graph.methods().map(|method| {
            let kind = CallKind::of(&method.dispatch, &method.upstream);
            let recv_state = match method.dispatch.closing() {
                Some(close) if kind != CallKind::Session => RecvState::Close(close),
                _ => RecvState::of(&method.dispatch),
            };
            let lasting = matches!(kind, CallKind::Streaming | CallKind::Session);
            RootMethod { id: method.id, kept: lasting || !recv_state.ended(), lasting, recv_state }
        });
        Self { methods: methods.collect() }
    }

    pub(crate) fn opening(&self, id: u64) -> FirstMessage {
        match self.methods.binary_search_by_key(&id, |root| root.id) {
            Ok(place) => {
                let root = &self.methods[place];
                let RootMethod { kept, lasting, .. } = *root;
                FirstMessage::Method { place, recv_state: root.recv_state.clone(), kept, lasting }
            }
            Err(_) if id == PING => FirstMessage::Ping,
            Err(_) if id == REVOKE => FirstMessage::Revoke,
            Err(_) => FirstMessage::Unknown,
        }
    }
}

/// Reads the arguments of `revoke`: the channel, and the error that its reader gets (`protocol.md` 2.1).
pub(crate) fn revoked(args: &bytes::Bytes) -> Result<(u64, Error), Violation> {
    let (channel, code): (u64, Code) = decode::args(args)
        .map_err(|error| Violation::new(Code::INVALID_ARGUMENTS, format!("revoke: {error}")))?;
    Ok((channel, Error::service(code, "the channel was revoked")))
}
