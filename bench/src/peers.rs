//! What is measured: one file for each.

pub mod cocaine;
pub mod events;
pub mod floor;
mod frames;
pub mod nats;
pub mod node;
pub mod proxies;
pub mod raw_copy;
pub mod tarpc;
pub mod tonic;
pub mod web;
