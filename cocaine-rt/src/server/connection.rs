//! A connection on which the server opens channels too, as a node does on those of its workers.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Call, Dispatch, Host, Offer, Traced};
use crate::{
    connection::{
        channel::{DynReceiver, DynSender, Line, Origin, Side},
        driver::Driver,
        halves::{Duplex, Receiver, Sender},
        handle::{Conn, Lease},
        mux::{Open, Role, roots::Roots, slot::Reads},
    },
    protocol::{
        error::{Error, Result},
        graph::Tree,
        limits::Limits,
        spec::{ServiceSpec, TreeSpec},
        trace::Trace,
    },
    wire::{
        bytes::Bytes,
        encode,
        frame::Tail,
        headers::{self, Headers},
        scratch::Scratch,
    },
};

/// A connection that both sides open channels on; their ids are shared (`worker.md` 3.3). Clones share it.
#[derive(Clone, Debug)]
pub struct Connection {
    lease: Lease,
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
        let conn = Conn::new(peer.into(), limits, Role::Host(Arc::new(Roots::new(&graph))));
        let lease = Lease::new(conn.clone());
        let extra = graph.methods().map(|_| None).collect();
        let host = Arc::new(Host { lease: lease.clone(), offer: Arc::new(Offer { graph, extra }) });
        let connection = Self { lease, stream: TreeSpec::STREAMING.tree() };
        let dispatch = Arc::new(dispatch(connection.clone()));
        tokio::spawn(Driver::new(io, conn, limits, move |fresh| {
            let call = Call::new(host.clone(), fresh);
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
    ) -> Result<(u64, Duplex<Sender<Bytes>, Receiver<Bytes>>)> {
        let mut args = Scratch::take();
        encode::write_array_len(&mut args.buf, 1);
        encode::write_raw(&mut args.buf, event);
        let (mut buf, headers) = (Vec::new(), headers.forwarded());
        let tail = Tail::Headers(headers::reply(&mut buf, trace, &headers));
        let reads = Reads::Streaming;
        let open = Open { method: 0, args: &args, tail, reads, ticks: u64::MAX, reader: None };
        let key = self.lease.with(|mux| mux.open(open))?;
        let line = Line { lease: self.lease.clone(), key, origin: Origin::default() };
        let rx = DynReceiver::held(line.clone(), &self.stream);
        let tx = DynSender::held(line, &self.stream, Side::Server(trace, None));
        Ok((key.id, Duplex { tx: tx.into(), rx: rx.into() }))
    }

    /// Ends the connection at once; whoever waits on one of its channels gets `error`.
    pub fn close(&self, error: &Error) {
        self.lease.close(error);
    }
}
