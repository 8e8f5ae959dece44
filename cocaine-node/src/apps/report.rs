//! What is reported of the apps.

mod figures;
pub(crate) mod info;
pub(crate) mod readings;
