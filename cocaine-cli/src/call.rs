//! Calls of methods and events by name: arguments from the command line, and answers to it.

pub(crate) mod answer;
pub(crate) mod arguments;
pub(crate) mod event;
pub(crate) mod input;
pub(crate) mod method;
