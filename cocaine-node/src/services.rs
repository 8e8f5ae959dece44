//! The services of the node, as implementations of the generated traits.

pub(crate) mod locator;
pub(crate) mod logging;
pub(crate) mod logging_v2;
pub(crate) mod metrics;
pub(crate) mod node;
pub(crate) mod storage;
