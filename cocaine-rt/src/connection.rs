//! One connection: its open channels, the task that owns the socket, and the halves of channels that callers hold.
//! Nothing here knows services or their names.

pub(crate) mod channel;
pub(crate) mod driver;
pub(crate) mod dyn_halves;
pub(crate) mod guard;
pub(crate) mod halves;
pub(crate) mod handle;
pub(crate) mod mux;
pub(crate) mod output;
pub(crate) mod unix;
