//! The program `cocaine`, with clouds of these tests.

mod apps;
mod command;
mod completion;
mod contexts;
mod help;
mod new;
mod program;
mod programs;
mod recording;
mod upload;
mod verdicts;
mod worker;
