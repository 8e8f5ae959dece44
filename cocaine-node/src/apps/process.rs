//! The processes of workers, and their output.

pub(crate) mod embedded;
pub(crate) mod output;
pub(crate) mod running;
pub(crate) mod spawner;
pub(crate) mod worker_process;
