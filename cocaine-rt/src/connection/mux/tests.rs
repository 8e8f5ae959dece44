//! The mux without I/O: frames in, bytes and wakes out.

mod abandonment;
mod channels;
mod congestion;
mod credit;
mod deadlines;
mod invocations;
mod memory;
mod output;
mod server;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::{Poll, Wake},
};

use super::*;
use crate::{
    protocol::{
        code::{Category, Code},
        graph::{Edge, Graph, Method, Tree, TreeNode},
    },
    wire::{encode, frame, scan::Scanner},
};

/// Counts how often it is woken.
#[derive(Default)]
struct Alarm(AtomicUsize);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Alarm {
    fn new() -> (Arc<Self>, Waker) {
        let alarm = Arc::new(Self::default());
        (alarm.clone(), alarm.into())
    }

    /// Returns how often it was woken, once those that are due in `mux` are.
    fn rung(&self, mux: &mut Mux) -> usize {
        mux.wakers().drain(..).for_each(Waker::wake);
        self.0.load(Ordering::Relaxed)
    }
}

fn small() -> Limits {
    Limits::default()
        .max_frame_bytes(1 << 20)
        .max_unread_bytes(1000)
        .max_queued_bytes(100)
        .max_invocations(2)
        .max_channels(3)
        .max_in_use_bytes(2000)
        .stream_window_bytes(1000)
        .stall_timeout(Duration::from_secs(3))
}

/// What an invocation without arguments takes.
fn cost(is_long_lived: bool) -> InvocationCost {
    let args = ::bytes::Bytes::from_static(&[0x90]);
    InvocationCost {
        is_long_lived,
        bytes: Message { kind: 0, args, headers: crate::wire::headers::Headers::default() }.weight(),
    }
}

fn client() -> Mux {
    Mux::new(Limits::default(), Role::Client, MemoryBudget::unlimited())
}

/// Serves `read` (0, one answer), `watch` (1, a stream), `pipe` (2, streams both ways), `note` (3, mute), `lock`
/// (4, until `discard`), `get` (5, one answer) and `subscribe` (6, a stream), both until `close`, and `root` (7, one
/// answer), whose tree recurs at its root.
fn server(limits: Limits) -> Mux {
    server_with(limits, MemoryBudget::unlimited())
}

/// Serves the same, and counts its memory.
fn server_with(limits: Limits, memory: MemoryBudget) -> Mux {
    let until = |name: &str| {
        let last = Edge { id: 0, name: name.into(), next: Tree::end() };
        Tree::Node(Arc::new(TreeNode::new([last])))
    };
    let methods = [
        (0, "read", Tree::end(), Tree::primitive()),
        (1, "watch", Tree::end(), Tree::streaming()),
        (2, "pipe", Tree::streaming(), Tree::streaming()),
        (3, "note", Tree::end(), Tree::end()),
        (4, "lock", until("discard"), Tree::primitive()),
        (5, "get", until("close"), Tree::primitive()),
        (6, "subscribe", until("close"), Tree::streaming()),
        (7, "root", Tree::Recurse, Tree::primitive()),
    ];
    let methods = methods.map(|(id, name, dispatch, upstream)| {
        let name = name.into();
        Method { id, name, dispatch, upstream }
    });
    let root = RootProtocol::new(&Graph::new(methods).with_controls());
    Mux::new(limits, Role::Server(Arc::new(root)), memory)
}

fn args<T: serde::Serialize>(value: &T) -> Encoded {
    let mut encoded = Encoded::default();
    encode::args(value, &mut encoded).unwrap();
    encoded
}

/// Returns a frame as a peer writes it.
fn frame<T: serde::Serialize>(channel: u64, kind: u64, value: &T) -> Vec<u8> {
    let mut out = Encoded::default();
    frame::write(&mut out, channel, kind, &args(value), FrameHeaders::None);
    out.flatten()
}

fn feed(mux: &mut Mux, bytes: impl Into<Vec<u8>>) -> Result<(), Violation> {
    let batch = bytes::Bytes::from(bytes.into());
    let (mut scanner, mut start) = (Scanner::new(1 << 20), 0);
    while let Some(extent) = scanner.frame(&batch[start..]).unwrap() {
        mux.receive(&batch, start, &extent)?;
        start += extent.len;
    }
    Ok(())
}

fn open(
    mux: &mut Mux,
    recv_state: RecvState,
    ticks: u64,
    reader: Option<Waker>,
) -> Result<ChannelKey, Error> {
    mux.open(NewChannel {
        method: 0,
        args: &args(&()),
        headers: FrameHeaders::None,
        recv_state,
        ticks,
        reader,
        offers_credit: false,
    })
}

fn call(mux: &mut Mux) -> ChannelKey {
    open(mux, RecvState::Primitive, u64::MAX, None).unwrap()
}

fn written(mux: &mut Mux) -> Vec<u8> {
    let mut output = Encoded::default();
    mux.take_output(&mut output);
    mux.note_written();
    output.flatten()
}

fn message(mux: &mut Mux, key: ChannelKey) -> Poll<Option<Result<Message, Error>>> {
    mux.poll_message(key, Waker::noop())
}

fn kinds(mux: &mut Mux, key: ChannelKey) -> Vec<u64> {
    let mut kinds = Vec::new();
    while let Poll::Ready(Some(Ok(message))) = message(mux, key) {
        kinds.push(message.kind);
    }
    kinds
}

fn failure(mux: &mut Mux, key: ChannelKey) -> Error {
    match message(mux, key) {
        Poll::Ready(Some(Err(error))) => error,
        other => panic!("not an error: {other:?}"),
    }
}

fn peers(id: u64) -> ChannelKey {
    ChannelKey { id, own: false }
}
