//! `#[derive(Schema)]` and the schemas of known types.

#![allow(dead_code, reason = "only the types of many fields matter")]
#![allow(clippy::option_option, reason = "users have them")]
#![allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]

mod app;
mod bounded_hashes;
mod conformance;
mod errors;
mod events;
#[cfg(all(feature = "chrono", feature = "jiff", feature = "url", feature = "uuid"))]
mod foreign;
mod golden;
mod hashes;
mod names;
mod types;
