//! A whole Cocaine cloud in one process.

pub mod store;
