//! One worker: its process, its connection, and its states.

pub(crate) mod channels;
pub(crate) mod endpoint;
pub(crate) mod launcher;
pub(crate) mod task;
