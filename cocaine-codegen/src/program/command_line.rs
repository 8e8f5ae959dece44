//! The command line.

use std::{ffi::OsString, iter, path::PathBuf, time::Duration};

use crate::compare::Grade;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

/// Generates typed Rust for the services of a Cocaine cloud.
///
/// Without a command, generates: `cocaine-codegen --locator localhost:10053 > bindings.rs`. Standard output carries
/// the result and nothing else. Ends with 0 if all went well, 1 if `check` found a difference, 2 after an error.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) generate: Generate,
}

impl Cli {
    /// Parses the arguments after the name of the program. Prints the help, the version or what is wrong, and ends the process.
    pub(crate) fn from_args(name: &'static str, args: impl IntoIterator<Item = OsString>) -> Self {
        let args = iter::once(OsString::from(name)).chain(args);
        let parsed = Self::command().bin_name(name).try_get_matches_from(args);
        parsed.and_then(|matches| Self::from_arg_matches(&matches)).unwrap_or_else(|error| error.exit())
    }
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Generates code: what is done without a command
    Generate(Generate),
    /// Writes what a locator and the manifests of apps say to a JSON file that can be committed
    Fetch(Fetch),
    /// Compares a file with what it would be now, and says how much each difference matters
    ///
    /// The file says what is expected, the locator or another file what is found: `check bindings.rs --locator
    /// localhost:10053`, `check staging.json --from production.json`, `check cloud.json --app shortener --schema new.json`.
    /// A cloud is asked for the services and apps that the file knows, or for those that `--service` and `--app` name; of a
    /// file with others only the protocols are compared then. Ends with 0 if nothing differs, or less than `--fail-on` says,
    /// with 1 if something does, and with 2 if that could not be found out.
    ///
    /// Differences of apps have a grade (`wire`, `json`, `source`, `none`) and a direction: `backward` is about old callers
    /// with the new app, `forward` about new callers with the old app. `--fail-on breaking` means `wire`, `renumbered` also
    /// `json`, `additive` also what is only `forward`, and `code` also `source`.
    ///
    /// As JSON: `{"file", "worst", "differences": [{"grade", "service", "method", "message", "expected", "found"}], "apps":
    /// [{"grade", "direction", "app", "event", "path", "rule", "message", "expected", "found"}]}`, the worst difference
    /// first. `worst` and the `grade` of services are `breaking`, `renumbered`, `additive` or `code`; `worst`, `method`,
    /// `event`, `expected` and `found` may be `null`, and `apps` is left out if no app differs. There may be more fields in later versions.
    Check(Check),
    /// Shows what the services and apps offer
    Dump(Dump),
}

/// What to generate, from what, and where to.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) description: Description,
    /// Write to this file, whole or not at all, and only if it changes [default: standard output]
    #[arg(short, long, value_name = "FILE", conflicts_with = "out_dir")]
    pub(crate) output: Option<PathBuf>,
    /// Write a file for each service, and `mod.rs`, to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
    /// Write doubles for tests of the bindings in this module, such as `crate::bindings`, and not the bindings
    #[arg(long, value_name = "MODULE")]
    pub(crate) doubles_of: Option<String>,
    /// The language of the output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Language,
}

/// A language of generated code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust, with clients of services and apps
    #[default]
    Rust,
    /// TypeScript in one file, with clients for the JSON-RPC of a gateway
    Typescript,
}

/// Where to write what is fetched.
#[derive(Debug, Args)]
pub(crate) struct Fetch {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Write to this file, whole or not at all, and only if it changes [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What to compare with what.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Generated code, a folder of it, metadata as `fetch` writes it, or the schema of an app
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) description: Description,
    /// Fail for a difference of this grade, and for worse ones
    #[arg(long, value_name = "GRADE", value_enum, default_value_t = Grade::Code)]
    pub(crate) fail_on: Grade,
    /// How the differences are written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
}

/// How differences are written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A line each
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// What to show, and how.
#[derive(Debug, Args)]
pub(crate) struct Dump {
    #[command(flatten)]
    pub(crate) source: Source,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: DumpFormat,
}

/// How services and apps are shown.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum DumpFormat {
    /// An indented tree
    #[default]
    Text,
    /// JSON, as `fetch` writes it
    Json,
    /// A graph for graphviz: states of services, and the messages between them
    Dot,
    /// JSON Schema of what calls of JSON-RPC take and return, and of their types
    JsonSchema,
    /// `OpenRPC`: the methods that JSON-RPC can call
    Openrpc,
}

/// Where metadata comes from.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Read metadata from this file, not from a locator
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Ask these locators, in this order
    #[arg(long, env = "COCAINE_LOCATOR", value_name = "HOST:PORT", value_delimiter = ',')]
    pub(crate) locator: Vec<String>,
    /// Only these services; with `--app` or `--schema`, none but these
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) service: Vec<String>,
    /// Only these apps, whose schemas are in their manifests; without a name, all apps that have a schema
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 0..=1)]
    pub(crate) app: Option<Vec<String>>,
    /// Read the schema of an app from this file, as `WORKER --describe` writes it (repeatable). The app has the name of
    /// the file, without its extension, or that of `--app` if there is one of each
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Vec<PathBuf>,
    /// How many seconds a locator may take
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

impl Source {
    /// Returns the names of the apps that are wanted.
    pub(crate) fn apps(&self) -> &[String] {
        self.app.as_deref().unwrap_or_default()
    }

    /// Returns whether apps are wanted, and no services.
    pub(crate) fn has_apps_only(&self) -> bool {
        self.service.is_empty() && (self.app.is_some() || !self.schema.is_empty())
    }

    /// Returns whether services are wanted, and no apps.
    pub(crate) fn has_services_only(&self) -> bool {
        !self.service.is_empty() && self.app.is_none() && self.schema.is_empty()
    }

    /// Returns whether the service is among those that are named, or none are.
    pub(crate) fn wants_service(&self, name: &String) -> bool {
        !self.has_apps_only() && (self.service.is_empty() || self.service.contains(name))
    }

    /// Returns whether the app is among those that are named, or none are; files of schemas name theirs.
    pub(crate) fn wants_app(&self, name: &String) -> bool {
        let are_all_wanted = self.apps().is_empty() && (self.app.is_some() || self.schema.is_empty());
        !self.has_services_only() && (are_all_wanted || self.apps().contains(name))
    }
}

/// How services are described.
#[derive(Debug, Args)]
pub(crate) struct Description {
    /// Read this catalogue too; it wins over the built-in one, and a later one over an earlier (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Vec<PathBuf>,
    /// Make each warning an error
    #[arg(long)]
    pub(crate) strict: bool,
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
    fn apps_are_named_or_all() {
        let source = |args: &[&str]| Cli::parse_from([&["cocaine-codegen"], args].concat()).generate.source;
        assert_eq!(source(&[]).app, None);
        assert_eq!(source(&["--app", "--locator", "a:1"]).app, Some(Vec::new()));
        assert_eq!(source(&["--app", "a,b", "--app", "c"]).apps(), ["a", "b", "c"]);
        assert!(source(&["--app"]).has_apps_only() && source(&["--schema", "a.json"]).has_apps_only());
        assert!(!source(&["--app", "a", "--service", "b"]).has_apps_only());
    }

    #[test]
    fn arguments_without_command_generate() {
        let cli = Cli::parse_from(["cocaine-codegen", "--locator", "a:1,b:2", "--service", "x,y"]);
        assert!(cli.command.is_none());
        assert_eq!(cli.generate.source.locator, ["a:1", "b:2"]);
        assert_eq!(cli.generate.source.service, ["x", "y"]);
        assert_eq!(cli.generate.source.timeout, Duration::from_secs(5));
    }
}
