//! Typed calls of the events of apps, which generated clients make.
//!
//! ```text
//!                  no further chunks      the caller sends a stream
//!   one reply      EventSpec::call        EventSpec::call_with_input
//!   a stream       EventSpec::stream      EventSpec::stream_with_input
//! ```
//!
//! An event is `enqueue` of the app's service. Its arguments are encoded before anything is sent, and their chunk goes out in
//! one write with the request; so does `close`, if the event reads no stream.

pub(crate) mod arguments;
mod call;
pub(crate) mod halves;
mod reply;
pub(crate) mod spec;
#[cfg(test)]
mod tests;
