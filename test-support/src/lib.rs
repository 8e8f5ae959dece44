//! Code that the tests of several crates share, and the recordings of the original runtime.
//!
//! | module | contents |
//! |---|---|
//! | [`hex`] | bytes to hexadecimal digits and back |
//! | [`wait`] | waiting for a condition, with a time limit |
//! | [`address`] | addresses that nobody else gets |
//! | [`frame`] | whole frames in a stream of bytes |
//! | [`raw`] | a connection whose bytes a test writes and checks |
//! | [`recording`] | the recordings in `traces/` |
//!
//! This crate depends on no other crate of the workspace, so that the unit tests of each of them can use it without
//! compiling their own crate twice.

pub mod address;
pub mod frame;
pub mod hex;
pub mod raw;
pub mod recording;
pub mod wait;
