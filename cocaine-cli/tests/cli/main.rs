//! The program `cocaine`, with clouds of these tests.

mod command;
mod contexts;
mod program;
mod recording;
mod upload;
mod verdicts;
mod worker;
