//! `#[derive(Schema)]`: describes a type as serde serializes it.

mod attributes;
mod bounded_hash;
mod case;
mod enumeration;
mod expand;
mod fields;

pub(crate) use expand::derive;
