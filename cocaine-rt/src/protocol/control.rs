//! What a node and a worker say of the worker itself: the handshake, and the messages of the channel that it opens
//! (`worker.md` 2.1).

use crate::protocol::spec::{MethodSpec, OnDrop, ServiceSpec, TreeSpec};

/// A sign of life, and the answer to one: no arguments.
pub const HEARTBEAT: u64 = 0;
/// The end, or that it has been reached: a code and a reason.
pub const TERMINATE: u64 = 1;

/// The messages of the channel, in both directions.
const CONTROL: TreeSpec =
    TreeSpec::Node(&[(HEARTBEAT, "heartbeat", TreeSpec::Recurse), (TERMINATE, "terminate", TreeSpec::END)]);

/// How a worker says who it is: with its uuid.
pub const HANDSHAKE: MethodSpec =
    MethodSpec { id: 0, name: "handshake", dispatch: CONTROL, upstream: CONTROL, on_drop: OnDrop::Terminal };

/// What a node serves to a worker.
pub static WORKER: ServiceSpec = ServiceSpec { name: "worker", version: 1, methods: &[HANDSHAKE] };
