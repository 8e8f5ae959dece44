//! The command line of a Cocaine cloud: what the program `cocaine` consists of.
//!
//! ```text
//! commands      the command line, and what each command does
//! environment   what commands share: the cloud, and where results go
//! completion    names of a cloud, for shells
//! contexts      named clouds
//! output        results on standard output
//! schema        the schema of a program: from itself, or from a file
//! app_store     the manifests and packages of a cloud
//! package       a program as a package
//! recording     what passes between clients and services, as a file
//! program       for which machine a program is
//! error         errors and exit codes
//! ```

mod app_store;
mod commands;
mod completion;
mod contexts;
mod environment;
mod error;
mod output;
mod package;
mod program;
mod recording;
mod schema;

pub use commands::{Cli, complete, run};
pub use error::{Error, ExitStatus, Result};
pub use output::Format;
