//! What is measured: one file for each.

pub mod floor;
mod frames;
pub mod raw_copy;
pub mod tarpc;
pub mod tonic;
