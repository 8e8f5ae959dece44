//! The program `cocaine`, with clouds of these tests.

mod command;
mod completion;
mod contexts;
mod help;
mod program;
mod recording;
mod upload;
mod verdicts;
mod worker;
