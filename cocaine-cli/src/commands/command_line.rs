//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

/// The command line of a Cocaine cloud.
///
/// Standard output carries results, standard error everything else. Ends with 0 if all is done, 1 after an error, 2 after
/// a wrong command line, 3 if there is no such app, 4 if the cloud does not allow it, 5 if it cannot be reached, 6 if it
/// does not answer in time, and 7 if schemas differ.
#[derive(Debug, Parser)]
#[command(name = "cocaine", version)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Uploads and compares apps
    #[command(subcommand)]
    App(AppCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Uploads a program as an app, with its schema
    ///
    /// Examples:
    ///
    ///   cocaine app upload shortener --program target/release/shortener --start
    ///
    ///   cocaine app upload shortener --program worker.py --schema shortener.json
    ///
    /// The program is asked for its schema with `--describe`, unless it is for another machine. Without a schema it is
    /// uploaded, too, and called with bytes. A version that breaks callers of the uploaded one is refused, with the
    /// differences as a table (exit code 7), unless `--breaking` is given.
    #[command(verbatim_doc_comment)]
    Upload(Upload),
    /// Compares the schema of a program with the uploaded one
    ///
    /// Examples:
    ///
    ///   cocaine app check shortener --program target/release/shortener
    ///
    ///   cocaine app check shortener --schema shortener.json
    ///
    /// Prints the differences as a table, and ends with 7 if there are any but those of documentation.
    #[command(verbatim_doc_comment)]
    Check(Check),
}

#[derive(Debug, Args)]
pub(crate) struct Upload {
    /// The name of the app
    #[arg(value_parser = app_name)]
    pub(crate) name: String,
    /// The program that its workers run
    #[arg(long, value_name = "PATH")]
    pub(crate) program: PathBuf,
    /// Read the schema from this file, and do not ask the program
    #[arg(long, value_name = "FILE", conflicts_with = "no_schema")]
    pub(crate) schema: Option<PathBuf>,
    /// Upload without a schema
    #[arg(long)]
    pub(crate) no_schema: bool,
    /// Upload even if callers of the uploaded version break
    #[arg(long)]
    pub(crate) breaking: bool,
    /// Start the app, or replace the version that runs
    #[arg(long)]
    pub(crate) start: bool,
    /// The profile to start it with; it is created if it is not there, and not touched if it is
    #[arg(long, value_name = "NAME", default_value = "default", requires = "start")]
    pub(crate) profile: String,
    #[command(flatten)]
    pub(crate) describe: Describe,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The name of the app
    #[arg(value_parser = app_name)]
    pub(crate) name: String,
    /// The program to ask for its schema
    #[arg(long, value_name = "PATH", required_unless_present = "schema")]
    pub(crate) program: Option<PathBuf>,
    /// Read the schema from this file
    #[arg(long, value_name = "FILE", conflicts_with = "program")]
    pub(crate) schema: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) describe: Describe,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
}

/// How a program is asked for its schema.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// How many seconds the program may take to print its schema
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) describe_timeout: Duration,
}

/// How the cloud is reached.
#[derive(Debug, Args)]
pub(crate) struct CloudArgs {
    /// Ask these locators, in this order
    #[arg(long, env = "COCAINE_LOCATOR", value_name = "HOST:PORT", default_value = "localhost:10053")]
    pub(crate) locator: String,
    /// How many seconds each call of the cloud may take
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

/// Accepts what can be the name of a file in a package, and of a service.
fn app_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 100 || text.contains(['/', '\0']) || text.starts_with('.') {
        return Err(
            "a name of 1 to 100 bytes is wanted, without `/` and without `.` at its beginning".to_owned()
        );
    }
    Ok(text.to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "a number of seconds is wanted, such as 5 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn command_line_definition_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn names_of_apps_are_names_of_files() {
        for name in ["", "a/b", ".a", "..", &"x".repeat(101)] {
            assert!(app_name(name).is_err(), "{name}");
        }
        assert!(app_name("shop_v1.2").is_ok());
    }
}
