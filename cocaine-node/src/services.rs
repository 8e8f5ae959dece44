//! The services of the core and of its plugins, as implementations of the generated traits.

pub(crate) mod cache;
pub(crate) mod chrono;
pub(crate) mod echo;
pub(crate) mod geobase;
pub(crate) mod locator;
pub(crate) mod logging;
pub(crate) mod logging_stream;
pub(crate) mod logging_v2;
pub(crate) mod metrics;
pub(crate) mod node;
pub(crate) mod storage;
pub(crate) mod unicorn;
pub(crate) mod uniresis;
pub(crate) mod urlfetch;
