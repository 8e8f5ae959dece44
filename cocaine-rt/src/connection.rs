//! One connection: its channels, the task that owns the socket, and the halves of channels that users hold.
//! Nothing here knows services or their names.

pub(crate) mod channel;
pub(crate) mod driver;
pub(crate) mod dyn_receiver;
pub(crate) mod dyn_sender;
pub(crate) mod guard;
pub(crate) mod halves;
pub(crate) mod handle;
pub(crate) mod mux;
pub(crate) mod output;
pub(crate) mod unix;
