//! What this package's programs call its apps with.

pub mod clients;
