//! The meaning of what is on the wire: graphs, errors and their codes, limits, traces, control messages.

pub(crate) mod args;
pub(crate) mod body_streaming;
pub(crate) mod chunk;
pub(crate) mod code;
pub mod control;
pub(crate) mod credit;
pub(crate) mod endpoint;
pub(crate) mod error;
pub mod frames;
pub mod graph;
pub(crate) mod limits;
pub(crate) mod lossy;
pub(crate) mod memory;
pub mod msgpack;
pub(crate) mod packed;
pub(crate) mod panic;
pub(crate) mod request_timeout;
pub(crate) mod scalar;
pub(crate) mod severity;
pub(crate) mod spec;
pub(crate) mod trace;
