//! Reports about running apps: the answers to `info`, and metrics.

mod figures;
pub(crate) mod info;
pub(crate) mod readings;
pub(crate) mod totals;
