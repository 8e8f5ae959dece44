//! The processes of workers.

pub(crate) mod output;
pub(crate) mod spawner;
