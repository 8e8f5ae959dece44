//! The services of the core, as implementations of the generated traits.

pub(crate) mod locator;
pub(crate) mod logging;
pub(crate) mod node;
pub(crate) mod storage;
pub(crate) mod unicorn;
