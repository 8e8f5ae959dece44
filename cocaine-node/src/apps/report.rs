//! What is reported of the apps.

pub(crate) mod info;
pub(crate) mod readings;
