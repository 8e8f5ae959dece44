//! What the command line says, on top of the configuration file.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use cocaine_node::config::{ConfigError, GatewayConfig, Level, LogConfig, NodeConfig};

/// A whole Cocaine cloud on this machine: locator, storage, logging and the node's apps.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// HTTP alone, in front of any cloud
    Gateway(GatewayArgs),
}

/// What a gateway that stands alone is started with.
#[derive(Debug, Args)]
struct GatewayArgs {
    /// The cloud's locators, with commas between [default: localhost:10053]
    #[arg(long, value_name = "HOST:PORT", env = cocaine::Client::LOCATOR_VARIABLE)]
    locator: Option<String>,
    /// Where HTTP is spoken; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<String>,
    /// A configuration file in TOML, which the other options override
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
}

/// What a node is started with.
#[derive(Debug, Args)]
struct NodeArgs {
    /// Where the locator listens; port 0 picks a free one [default: 127.0.0.1:10053]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// What outlives the node is kept here [default: `cocaine` in `$XDG_STATE_HOME` or `~/.local/state`]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A configuration file in TOML, which the other options override
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Closes `locator.connect` at once, as a runtime without a cluster does
    #[arg(long)]
    no_cluster: bool,
    /// The node's uuid [default: a new one at each start]
    #[arg(long)]
    uuid: Option<String>,
    /// What an address such as 0.0.0.0 is announced as [default: the machine's name]
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// A stored list of apps that start together with the node
    #[arg(long, value_name = "NAME")]
    runlist: Option<String>,
    /// Speaks HTTP there, in front of the apps; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<String>,
    /// A database of regions in the MMDB format, for the service `geobase` [default: a sample]
    #[arg(long, value_name = "FILE")]
    geobase: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
    /// The least severity that the service `logging` takes: 0 debug, 1 info, 2 warning, 3 error [default: 0]
    #[arg(long, value_name = "SEVERITY", allow_negative_numbers = true)]
    verbosity: Option<i32>,
}

/// What is logged, and where.
#[derive(Debug, Args)]
struct LogArgs {
    /// The least important of the program's own events that are logged [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LevelArg>,
    /// A file that gets every log line as JSON
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
}

impl LogArgs {
    fn over(self, config: &mut LogConfig) {
        config.level = self.log_level.map(Level::from).or(config.level);
        config.file = self.log_file.or(config.file.take());
    }
}

/// A [`Level`] as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LevelArg {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Off => Self::Off,
            LevelArg::Error => Self::Error,
            LevelArg::Warn => Self::Warn,
            LevelArg::Info => Self::Info,
            LevelArg::Debug => Self::Debug,
            LevelArg::Trace => Self::Trace,
        }
    }
}

/// What is to run.
#[derive(Debug)]
pub(crate) enum Program {
    /// A node, and where it keeps its data.
    Node(Box<NodeConfig>, PathBuf),
    /// A gateway, in front of these locators.
    Gateway(Box<GatewayConfig>, String),
}

impl Program {
    pub(crate) fn log(&self) -> &LogConfig {
        match self {
            Self::Node(config, _) => &config.log,
            Self::Gateway(config, _) => &config.log,
        }
    }
}

impl Cli {
    /// Reads the configuration file, if one is given, and puts the options on top of it.
    pub(crate) fn program(self, env: impl Fn(&str) -> Option<OsString>) -> Result<Program, ConfigError> {
        match self.command {
            Some(Command::Gateway(gateway)) => gateway.program(),
            None => self.node.program(env),
        }
    }
}

impl GatewayArgs {
    fn program(self) -> Result<Program, ConfigError> {
        let mut config =
            self.config.as_deref().map_or_else(|| Ok(GatewayConfig::default()), GatewayConfig::read)?;
        config.http.listen = self.http.or(config.http.listen);
        self.log.over(&mut config.log);
        let locator = self.locator.or(config.locator.take()).unwrap_or_else(|| "localhost".into());
        Ok(Program::Gateway(Box::new(config), locator))
    }
}

impl NodeArgs {
    fn program(self, env: impl Fn(&str) -> Option<OsString>) -> Result<Program, ConfigError> {
        let mut config =
            self.config.as_deref().map_or_else(|| Ok(NodeConfig::default()), NodeConfig::read)?;
        config.listen = self.listen.or(config.listen);
        config.data = self.data.or(config.data);
        config.cluster = if self.no_cluster { Some(false) } else { config.cluster };
        config.uuid = self.uuid.or(config.uuid);
        config.hostname = self.hostname.or(config.hostname);
        config.runlist = self.runlist.or(config.runlist);
        if let Some(address) = self.http {
            config.http.get_or_insert_default().listen = Some(address);
        }
        config.geobase.database = self.geobase.or(config.geobase.database.take());
        self.log.over(&mut config.log);
        config.log.verbosity = self.verbosity.or(config.log.verbosity);
        let data = config.data.clone().or_else(|| default_data(env)).ok_or_else(|| {
            ConfigError::Value(
                "neither HOME nor XDG_STATE_HOME is set: say with --data where to keep data".into(),
            )
        })?;
        Ok(Program::Node(Box::new(config), data))
    }
}

/// Returns the folder for what a user's programs keep between runs.
fn default_data(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = path("XDG_STATE_HOME").or_else(|| path("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("cocaine"))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn env<const N: usize>(set: [(&'static str, &'static str); N]) -> impl Fn(&str) -> Option<OsString> {
        move |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    }

    fn parse(args: &[&str]) -> Cli {
        Cli::parse_from(["cocaine-node"].iter().chain(args))
    }

    fn node(cli: Cli, env: impl Fn(&str) -> Option<OsString>) -> Result<(NodeConfig, PathBuf), ConfigError> {
        match cli.program(env)? {
            Program::Node(config, data) => Ok((*config, data)),
            Program::Gateway(..) => panic!("a gateway was not asked for"),
        }
    }

    fn settings(args: &[&str]) -> (NodeConfig, PathBuf) {
        node(parse(args), env([("HOME", "/home/u")])).unwrap()
    }

    #[test]
    fn without_options_nothing_is_set_but_the_folder() {
        let (config, data) = settings(&[]);
        assert_eq!(config, NodeConfig::default());
        assert_eq!(data, Path::new("/home/u/.local/state/cocaine"));
    }

    #[test]
    fn data_goes_where_the_user_keeps_state() {
        let data = |env: &dyn Fn(&str) -> Option<OsString>| node(parse(&[]), env).map(|(_, data)| data);
        let both = env([("HOME", "/home/u"), ("XDG_STATE_HOME", "/state")]);
        assert_eq!(data(&both).unwrap(), Path::new("/state/cocaine"));
        let relative = env([("HOME", "/home/u"), ("XDG_STATE_HOME", "state")]);
        assert_eq!(data(&relative).unwrap(), Path::new("/home/u/.local/state/cocaine"));
        let error = data(&env([])).unwrap_err().to_string();
        assert!(error.contains("--data"), "{error}");
        assert_eq!(node(parse(&["--data", "here"]), env([])).unwrap().1, Path::new("here"));
    }

    #[test]
    fn options_override_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("node.toml");
        let text = "listen = \"a:1\"\ndata = \"file\"\nuuid = \"u\"\nhostname = \"h\"\nrestrict = [\"r\"]\n\
                    [log]\nlevel = \"error\"\nfile = \"f\"\nverbosity = 1\nterminal = false\n";
        fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let (plain, data) = settings(&["--config", file]);
        assert_eq!(plain, NodeConfig::read(Path::new(file)).unwrap());
        assert_eq!(data, Path::new("file"));
        let options = [
            "--config",
            file,
            "--listen",
            "b:2",
            "--data",
            "option",
            "--no-cluster",
            "--uuid",
            "v",
            "--hostname",
            "i",
            "--log-level",
            "debug",
            "--log-file",
            "g",
            "--verbosity",
            "-1",
            "--http",
            "c:3",
            "--geobase",
            "d.mmdb",
        ];
        let (over, data) = settings(&options);
        assert_eq!(over.listen.as_deref(), Some("b:2"));
        assert_eq!(data, Path::new("option"));
        assert_eq!(over.cluster, Some(false));
        assert_eq!(over.uuid.as_deref(), Some("v"));
        assert_eq!(over.hostname.as_deref(), Some("i"));
        assert_eq!(over.restrict, ["r"], "what has no option stays");
        assert_eq!(over.log.level, Some(Level::Debug));
        assert_eq!(over.log.file.as_deref(), Some(Path::new("g")));
        assert_eq!(over.log.verbosity, Some(-1));
        assert_eq!(over.log.terminal, Some(false));
        assert_eq!(over.geobase.database.as_deref(), Some(Path::new("d.mmdb")));
        assert_eq!(over.http.unwrap().listen.as_deref(), Some("c:3"));
    }

    #[test]
    fn a_gateway_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        fs::write(&file, "locator = \"a:1\"\n[http]\nlisten = \"b:2\"\ntimeout = 5\n").unwrap();
        let file = file.to_str().unwrap();
        let gateway = |args: &[&str]| match parse(args).program(env([])).unwrap() {
            Program::Gateway(config, locator) => (config.http, locator),
            Program::Node(..) => panic!("a node was not asked for"),
        };
        let (http, locator) = gateway(&["gateway", "--config", file]);
        assert_eq!((http.listen.as_deref(), http.timeout, locator.as_str()), (Some("b:2"), Some(5.0), "a:1"));
        let (http, locator) = gateway(&["gateway", "--config", file, "--http", "c:3", "--locator", "d:4"]);
        assert_eq!((http.listen.as_deref(), http.timeout, locator.as_str()), (Some("c:3"), Some(5.0), "d:4"));
        assert_eq!(gateway(&["gateway"]).1, "localhost");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let error = node(parse(&["--config", "/no/such.toml"]), env([])).unwrap_err().to_string();
        assert!(error.starts_with("cannot read /no/such.toml"), "{error}");
    }
}
