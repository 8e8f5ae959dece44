//! The events of apps: requests, and the relay between client and worker.

pub(crate) mod relay;
pub(crate) mod request;
