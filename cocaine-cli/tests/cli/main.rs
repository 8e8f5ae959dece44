//! The program `cocaine`, with clouds of these tests.

mod apps;
mod call;
mod command;
mod completion;
mod contexts;
mod doctor;
mod help;
mod packages;
mod program;
mod programs;
mod recording;
mod upload;
mod verdicts;
mod worker;
