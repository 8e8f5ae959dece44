//! The command line of a Cocaine cloud: what the program `cocaine` consists of.
//!
//! ```text
//! commands      the command line, and what each command does
//! schema        the schema of a program: from itself, or from a file
//! app_store     the manifests and packages of a cloud
//! package       a program as a package
//! program       for which machine a program is
//! error         errors and exit codes
//! ```

mod app_store;
mod commands;
mod error;
mod package;
mod program;
mod schema;

pub use commands::{command_line::Cli, run};
pub use error::{Error, ExitStatus, Result};
