//! A client held against a peer that speaks by script.

mod calls;
mod closing;
mod hostile;
mod many;
pub(crate) mod peer;
mod sessions;
mod timeouts;
