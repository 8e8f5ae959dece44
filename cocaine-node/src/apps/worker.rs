//! One worker: its process, its connection, and its states (`worker.md` 3, `node.md` 5.3).
//!
//! ```text
//! task       one worker, from the start of its process to its end
//! launcher   starts its process           endpoint   accepts its connection
//! control    the channel about the worker itself
//! channels   the channels of its events
//! state exit its states, and how it has ended
//! ```

pub(crate) mod channels;
mod control;
pub(crate) mod endpoint;
pub(crate) mod exit;
pub(crate) mod launcher;
pub(crate) mod state;
pub(crate) mod task;
