//! A node: its settings, how it starts, and how it stops.

mod builder;
mod error;
mod local_apps;
mod prometheus;
mod running;
mod settings;
mod start;

pub use self::{builder::NodeBuilder, error::StartError, running::Node};
