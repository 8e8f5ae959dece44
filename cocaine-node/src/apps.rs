//! The pieces that running apps is made of.
#![allow(dead_code, reason = "nothing runs apps yet")]

pub(crate) mod manifest;
pub(crate) mod meter;
pub(crate) mod output;
pub(crate) mod package;
pub(crate) mod profile;
pub(crate) mod runtime;
pub(crate) mod spawn;
mod stored;
