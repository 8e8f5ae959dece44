//! The program `cocaine`, with clouds of these tests.

mod apps;
mod call;
mod colors;
mod command;
mod completion;
mod contexts;
mod doctor;
mod help;
mod logs;
mod new;
mod packages;
mod program;
mod programs;
mod recording;
mod run;
mod run_process;
mod services;
mod storage;
mod upload;
mod verdicts;
mod worker;
