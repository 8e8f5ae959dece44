//! The program `cocaine`, with clouds of these tests.

mod apps;
mod bench;
mod call;
mod colors;
mod command;
mod completion;
mod contexts;
mod crashlogs;
mod doctor;
mod help;
mod logs;
mod new;
mod packages;
mod profiles;
mod program;
mod programs;
mod recording;
mod run;
mod run_process;
mod runlists;
mod services;
mod storage;
mod upload;
mod verdicts;
mod versions;
mod worker;
