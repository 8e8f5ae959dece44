//! A connection on which the server opens channels too, as a node does on the connections of its workers.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Call, Dispatch, ServedConnection, ServedGraph, Traced};
use crate::{
    connection::{
        channel::{ChannelRef, ErrorContext},
        driver::Driver,
        dyn_receiver::DynReceiver,
        dyn_sender::{DynSender, Side},
        halves::{Duplex, Receiver, Sender},
        handle::{ConnectionHandle, SharedConnection},
        mux::{NewChannel, Role, recv_state::RecvState, root_protocol::RootProtocol},
    },
    protocol::{
        body_streaming::BODY_HEADER,
        credit::CREDIT_HEADER,
        error::{Error, Result},
        graph::Tree,
        limits::Limits,
        memory::MemoryBudget,
        spec::{ServiceSpec, TreeSpec},
        trace::Trace,
    },
    wire::{bytes::Bytes, encode, frame::FrameHeaders, headers::Headers, hpack, scratch::Scratch},
};

/// Both halves of the channel of an event: chunks go both ways.
pub type EventChannel = Duplex<Sender<Bytes>, Receiver<Bytes>>;

/// A connection on which both sides open channels, with shared ids (`worker.md` 3.3). Clones share it.
#[derive(Clone, Debug)]
pub struct Connection {
    handle: ConnectionHandle,
    stream: Tree,
}

impl Connection {
    /// Serves `spec` to `peer` over `io` until either side closes the connection, whose memory is counted in `memory`.
    /// `dispatch` builds the service from the connection.
    pub fn start<IO, D>(
        io: IO,
        peer: &str,
        limits: Limits,
        memory: MemoryBudget,
        spec: &ServiceSpec,
        dispatch: impl FnOnce(Self) -> D,
    ) -> Self
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        D: Dispatch,
    {
        let graph = spec.graph();
        let role = Role::Host(Arc::new(RootProtocol::new(&graph)));
        let conn = SharedConnection::new(peer.into(), limits, memory, role);
        let handle = ConnectionHandle::new(conn.clone());
        let extra = graph.methods().map(|_| None).collect();
        let host = Arc::new(ServedConnection::new(
            handle.clone(),
            None,
            Arc::new(ServedGraph { graph, extra }),
            limits.max_decoded_bytes,
        ));
        let connection = Self { handle, stream: TreeSpec::STREAMING.tree() };
        let dispatch = Arc::new(dispatch(connection.clone()));
        tokio::spawn(Driver::new(io, conn, limits, move |pending| {
            let call = Call::new(host.clone(), pending);
            Traced::new(call.caller().trace(), dispatch.invoke(call))
        }));
        connection
    }

    /// Opens a channel with an event, its trace and its headers. Returns its id and its halves, which carry chunks both
    /// ways.
    pub fn invoke(
        &self,
        event: &[u8],
        trace: Option<Trace>,
        headers: &Headers,
    ) -> Result<(u64, EventChannel)> {
        let mut args = Scratch::take();
        encode::write_array_len(&mut args.buf, 1);
        encode::write_raw(&mut args.buf, event);
        // Offers are for the hop that they came by.
        let (mut buf, headers) = (Vec::new(), headers.without(&[CREDIT_HEADER, BODY_HEADER]));
        let headers = FrameHeaders::Encoded(hpack::write_reply(&mut buf, trace.map(Trace::ids), &headers));
        let recv_state = RecvState::Streaming;
        let open = NewChannel {
            method: 0,
            args: &args,
            headers,
            recv_state,
            ticks: u64::MAX,
            reader: None,
            offers_credit: true,
        };
        let key = self.handle.with(|mux| mux.open(open))?;
        let channel = ChannelRef { handle: self.handle.clone(), key, context: ErrorContext::default() };
        let rx = DynReceiver::from_counted(channel.clone(), &self.stream);
        let tx = DynSender::from_counted(channel, &self.stream, Side::Server(trace, None));
        Ok((key.id, Duplex { tx: tx.into(), rx: rx.into() }))
    }

    /// Returns how often this side has stopped reading because the readers of its channels were slow, and whether it has
    /// now. Heartbeats that the other side has sent may be unread then.
    pub fn congestion(&self) -> (u64, bool) {
        self.handle.with(super::super::connection::mux::Mux::congestion)
    }

    /// Closes the connection at once. All waits on its channels fail with `error`.
    pub fn close(&self, error: &Error) {
        self.handle.close(error);
    }
}
