//! The command line of a Cocaine cloud: what the program `cocaine` consists of.
//!
//! ```text
//! commands      the command line, and what each command does
//! environment   what commands share: the cloud, and where results go
//! completion    names of a cloud, for shells
//! diagnosis     what is wrong with a cloud
//! contexts      named clouds
//! output        results on standard output
//! schema        the schema of a program: from itself, or from a file
//! call          calls of methods and events by name
//! load          the same call again and again, and how long it takes
//! trace         lines of the log that belong to a request
//! log_lines     lines of the log
//! log_stream    the lines as they come
//! records       maps that nodes read: manifests, profiles, runlists, groups; crashlogs
//! run           apps in development: built, replaced and followed
//! node_apps     the apps of a node
//! app_store     the manifests and packages of a cloud
//! package       packages of programs, crates, folders and archives
//! storage_archive  blobs of a storage as a tar file
//! recording     what passes between clients and services, as a file
//! json          values of the wire as JSON
//! template      the files of new apps
//! program       for which machine a program is
//! error         errors and exit codes
//! ```

mod app_changes;
mod app_store;
mod call;
mod commands;
mod completion;
mod contexts;
mod diagnosis;
mod environment;
mod error;
mod json;
mod load;
mod log_lines;
mod log_stream;
mod node_apps;
mod output;
mod package;
mod program;
mod recording;
mod records;
mod run;
mod schema;
mod storage_archive;
mod template;
mod trace;

pub use commands::{Cli, complete, run, run_program};
pub use error::{Error, ExitStatus, Result};
pub use output::{Format, print_error};
