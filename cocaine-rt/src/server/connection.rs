//! A connection on which the server opens channels too, as a node does on those of its workers.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Call, Dispatch, Host, Offer, Traced};
use crate::{
    connection::{
        channel::{ChannelRef, DynReceiver, DynSender, ErrorContext, Side},
        driver::Driver,
        halves::{Duplex, Receiver, Sender},
        handle::{ConnectionHandle, SharedConnection},
        mux::{NewChannel, Role, recv_state::RecvState, root_protocol::RootProtocol},
    },
    protocol::{
        error::{Error, Result},
        graph::Tree,
        limits::Limits,
        spec::{ServiceSpec, TreeSpec},
        trace::Trace,
    },
    wire::{bytes::Bytes, encode, frame::FrameHeaders, headers::Headers, hpack, scratch::Scratch},
};

/// Both halves of the channel of an event: chunks go both ways.
pub type EventChannel = Duplex<Sender<Bytes>, Receiver<Bytes>>;

/// A connection that both sides open channels on; their ids are shared (`worker.md` 3.3). Clones share it.
#[derive(Clone, Debug)]
pub struct Connection {
    handle: ConnectionHandle,
    stream: Tree,
}

impl Connection {
    /// Serves `spec` to `peer`, which is at the other end of `io`, until either side ends the connection; `dispatch`
    /// makes of the connection what serves it.
    pub fn start<IO, D>(
        io: IO,
        peer: &str,
        limits: Limits,
        spec: &ServiceSpec,
        dispatch: impl FnOnce(Self) -> D,
    ) -> Self
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        D: Dispatch,
    {
        let graph = spec.graph();
        let conn =
            SharedConnection::new(peer.into(), limits, Role::Host(Arc::new(RootProtocol::new(&graph))));
        let handle = ConnectionHandle::new(conn.clone());
        let extra = graph.methods().map(|_| None).collect();
        let host = Arc::new(Host { handle: handle.clone(), offer: Arc::new(Offer { graph, extra }) });
        let connection = Self { handle, stream: TreeSpec::STREAMING.tree() };
        let dispatch = Arc::new(dispatch(connection.clone()));
        tokio::spawn(Driver::new(io, conn, limits, move |pending| {
            let call = Call::new(host.clone(), pending);
            Traced::new(call.caller().trace(), dispatch.invoke(call))
        }));
        connection
    }

    /// Opens a channel with an event and what it came with, and returns its id: chunks go both ways from then on.
    pub fn invoke(
        &self,
        event: &[u8],
        trace: Option<Trace>,
        headers: &Headers,
    ) -> Result<(u64, EventChannel)> {
        let mut args = Scratch::take();
        encode::write_array_len(&mut args.buf, 1);
        encode::write_raw(&mut args.buf, event);
        let (mut buf, headers) = (Vec::new(), headers.forwarded());
        let headers = FrameHeaders::Encoded(hpack::write_reply(&mut buf, trace.map(Trace::ids), &headers));
        let recv_state = RecvState::Streaming;
        let open = NewChannel { method: 0, args: &args, headers, recv_state, ticks: u64::MAX, reader: None };
        let key = self.handle.with(|mux| mux.open(open))?;
        let channel = ChannelRef { handle: self.handle.clone(), key, context: ErrorContext::default() };
        let rx = DynReceiver::held(channel.clone(), &self.stream);
        let tx = DynSender::held(channel, &self.stream, Side::Server(trace, None));
        Ok((key.id, Duplex { tx: tx.into(), rx: rx.into() }))
    }

    /// Ends the connection at once; whoever waits on one of its channels gets `error`.
    pub fn close(&self, error: &Error) {
        self.handle.close(error);
    }
}
