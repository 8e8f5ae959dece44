//! The control channel between a node and a worker: the handshake that opens it, and its messages (`worker.md` 2.1).

use crate::protocol::spec::{MethodSpec, OnDrop, ServiceSpec, TreeSpec};

/// A heartbeat, and the reply to one. It has no arguments.
pub const HEARTBEAT: u64 = 0;
/// The request to terminate, and its confirmation: a code and a reason.
pub const TERMINATE: u64 = 1;

/// The messages of the channel, in both directions.
const CONTROL: TreeSpec =
    TreeSpec::Node(&[(HEARTBEAT, "heartbeat", TreeSpec::Recurse), (TERMINATE, "terminate", TreeSpec::END)]);

/// The handshake of a worker, with its uuid.
pub const HANDSHAKE: MethodSpec =
    MethodSpec { id: 0, name: "handshake", dispatch: CONTROL, upstream: CONTROL, on_drop: OnDrop::Terminal };

/// The service that a node offers to a worker.
pub static WORKER: ServiceSpec = ServiceSpec { name: "worker", version: 1, methods: &[HANDSHAKE] };
