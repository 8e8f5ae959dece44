//! Tests of clients against a scripted peer, and of the promises of the public types.

mod auto_traits;
mod calls;
mod closing;
mod flushing;
mod hostile;
mod many;
mod memory;
pub(crate) mod peer;
mod sessions;
mod silence;
mod timeouts;
