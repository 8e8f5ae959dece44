//! A typed app, from its worker through the schema and the generated code to its callers.
//!
//! `BLESS=1` rewrites the generated files, but not where `CI` is set.

mod calls;
mod doubles;
mod generated;
mod imitation;
mod worker;

/// The client of the worker in `worker`, as the generator writes it.
#[rustfmt::skip]
mod shop;

/// The double of that client.
#[rustfmt::skip]
mod shop_doubles;
