//! What this package's programs call its apps with.

/// The clients, as `cocaine-codegen` writes them.
#[rustfmt::skip]
pub mod clients;
