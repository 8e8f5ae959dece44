//! A whole Cocaine cloud in one process.

pub mod log;
pub mod registry;
pub mod routing;
pub mod store;
