//! Tests of the comparison.

mod avro;
mod bounds;
mod decoding;
mod samples;
