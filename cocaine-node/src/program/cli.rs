//! The command line, whose options override the configuration file.

mod data;
mod values;

use std::{ffi::OsString, iter, path::PathBuf, time::Duration};

use crate::{
    config::{
        AccessLogKind, ConfigError, ConfigWarning, GatewayConfig, HttpConfig, LogConfig, LogFormat, LogLevel,
        NodeConfig,
    },
    gateway::Gateway,
    import::Import,
    node::Node,
};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub(crate) use self::data::DataCommand;

use self::values::{AccessLogArg, FormatArg, LevelArg};

/// A whole Cocaine cloud on this machine: locator, storage, logging and the node's apps.
#[derive(Clone, Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// Checks the options and the configuration file, and starts nothing
    #[arg(long, global = true)]
    pub(crate) check_config: bool,
    /// Prints a configuration file: what the options and the given file set, and all other keys as comments with their
    /// defaults
    #[arg(long, global = true)]
    pub(crate) print_config: bool,
    #[command(subcommand)]
    command: Option<Subcommands>,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Clone, Debug, Subcommand)]
enum Subcommands {
    /// Runs an HTTP gateway alone, in front of any cloud
    Gateway(GatewayArgs),
    /// Takes what an original runtime has stored in files into the data folder, while no node uses it
    ///
    /// Blobs and tags of all collections are written in one transaction. The folder is not changed, links in it are not
    /// followed, and a second import of it changes nothing.
    Import(ImportArgs),
    #[command(flatten)]
    Data(DataCommand),
}

/// The options of an import.
#[derive(Clone, Debug, Args)]
struct ImportArgs {
    /// The folder of a storage of the type `files`: its `path` in the original's configuration
    folder: PathBuf,
    /// The folder of everything that a node keeps between runs [default: `cocaine` in `$XDG_STATE_HOME` or `~/.local/state`]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Replaces blobs that are stored already and differ
    #[arg(long)]
    replace: bool,
    /// Writes nothing, and prints what would be done
    #[arg(long)]
    dry_run: bool,
}

/// The options of a gateway that runs without a node.
#[derive(Clone, Debug, Args)]
struct GatewayArgs {
    /// The cloud's locators, separated by commas; `unix:/PATH` is a unix socket [default: localhost:10053]
    #[arg(long, value_name = "HOST:PORT", env = cocaine::Client::LOCATOR_VARIABLE)]
    locator: Option<String>,
    /// The address for HTTP clients; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<String>,
    #[command(flatten)]
    http_options: HttpArgs,
    /// A configuration file in TOML, which the other options override
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Seconds that a stop may take as a whole [default: 8]
    #[arg(long, value_name = "SECONDS")]
    shutdown_timeout: Option<f64>,
    #[command(flatten)]
    log: LogArgs,
}

/// The options of a node.
#[derive(Clone, Debug, Args)]
struct NodeArgs {
    /// The addresses of the locator, separated by commas; port 0 picks a free one. The other services listen on ports of the
    /// same addresses. `unix:/PATH` is a unix socket; `[::]` serves IPv4, too, unless an IPv4 address is beside it [default:
    /// 127.0.0.1:10053]
    #[arg(long, value_name = "ADDRESS:PORT", value_delimiter = ',')]
    listen: Option<Vec<String>>,
    /// The ports of services and apps, separated by commas; the others get free ones [default: none]
    #[arg(long, value_name = "SERVICE=PORT", value_delimiter = ',', value_parser = parse_pinned_port)]
    pin: Vec<(String, u16)>,
    /// The first and the last port of the range for the services and apps that have no pinned one [default: any free port]
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_port_range)]
    ports: Option<(u16, u16)>,
    /// The folder of everything kept between runs [default: `cocaine` in `$XDG_STATE_HOME` or `~/.local/state`]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A configuration file in TOML, or an original runtime's in JSON, which the other options override
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Closes `locator.connect` at once, as a runtime without a cluster does
    #[arg(long)]
    no_cluster: bool,
    /// The node's uuid [default: a new one at each start]
    #[arg(long)]
    uuid: Option<String>,
    /// The name announced in place of an address such as 0.0.0.0 [default: the address that each client has connected to]
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// A stored list of apps that start together with the node
    #[arg(long, value_name = "NAME")]
    runlist: Option<String>,
    /// Seconds that a stop may take as a whole; what has not ended by then is cut off [default: 8]
    #[arg(long, value_name = "SECONDS")]
    shutdown_timeout: Option<f64>,
    /// Runs an HTTP gateway on this address, in front of the apps; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<String>,
    #[command(flatten)]
    http_options: HttpArgs,
    /// A database of regions in the MMDB format, for the service `geobase` [default: a sample]
    #[arg(long, value_name = "FILE")]
    geobase: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
    /// The lowest severity that the service `logging` accepts: 0 debug, 1 info, 2 warning, 3 error [default: 0]
    #[arg(long, value_name = "SEVERITY", allow_negative_numbers = true)]
    verbosity: Option<i32>,
}

/// Who may call services over HTTP, and what is logged of the requests.
#[derive(Clone, Debug, Args)]
struct HttpArgs {
    /// Services that everybody who reaches the HTTP port may call as JSON-RPC [default: none, apps alone]. `storage`,
    /// `node` and `unicorn` let their callers run programs
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    json_rpc: Option<Vec<String>>,
    /// A unix socket through which processes of this user call every service as JSON-RPC
    #[arg(long, value_name = "PATH")]
    admin_socket: Option<PathBuf>,
    /// What a line of the access log is; there is one for each HTTP request [default: off]
    #[arg(long, value_name = "KIND")]
    access_log: Option<AccessLogArg>,
}

impl HttpArgs {
    fn is_given(&self) -> bool {
        self.json_rpc.is_some() || self.admin_socket.is_some() || self.access_log.is_some()
    }

    fn override_config(self, config: &mut HttpConfig) {
        config.json_rpc_services = self.json_rpc.or(config.json_rpc_services.take());
        config.admin_socket = self.admin_socket.or(config.admin_socket.take());
        config.access_log.kind = self.access_log.map(AccessLogKind::from).or(config.access_log.kind);
    }
}

/// What is logged, and where.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the fields are named like the options")]
struct LogArgs {
    /// The least important of the program's own events that are logged [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LevelArg>,
    /// A file that receives every log line as JSON
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// The form of the log lines on the standard error stream [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<FormatArg>,
}

impl LogArgs {
    fn override_config(self, config: &mut LogConfig) {
        config.level = self.log_level.map(LogLevel::from).or(config.level);
        config.file = self.log_file.or(config.file.take());
        config.format = self.log_format.map(LogFormat::from).or(config.format);
    }
}

/// What the program runs.
#[derive(Debug)]
pub(crate) enum Command {
    /// A node, and its data folder.
    Node(Box<NodeConfig>, PathBuf),
    /// A gateway in front of these locators.
    Gateway(Box<GatewayConfig>, String),
}

impl ImportArgs {
    fn into_import(self, env: impl Fn(&str) -> Option<OsString>) -> Result<Import, ConfigError> {
        let data = data_folder(self.data, env)?;
        Ok(Import::new(self.folder, data).replace(self.replace).dry_run(self.dry_run))
    }
}

impl Command {
    /// Returns how long the program may take to stop.
    pub(crate) fn shutdown_timeout(&self) -> Result<Duration, ConfigError> {
        Ok(match self {
            Self::Node(config, _) => config.shutdown_timeout()?.unwrap_or(Node::SHUTDOWN_TIMEOUT),
            Self::Gateway(config, _) => config.shutdown_timeout()?.unwrap_or(Gateway::SHUTDOWN_TIMEOUT),
        })
    }

    /// Checks the configuration without starting anything.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Node(config, _) => Node::builder().config(config).check(),
            Self::Gateway(config, _) => Gateway::check(&config.http),
        }
    }

    /// Returns a configuration file that has the settings of the options and of the configuration file.
    pub(crate) fn to_toml(&self) -> Result<String, ConfigError> {
        match self {
            Self::Node(config, data) => {
                let mut config = config.clone();
                config.data = Some(data.clone());
                config.to_toml()
            }
            Self::Gateway(config, locator) => {
                let mut config = config.clone();
                config.locator = Some(locator.clone());
                config.to_toml()
            }
        }
    }

    /// Returns what the configuration file says without effect.
    pub(crate) fn config_warnings(&self) -> &[ConfigWarning] {
        match self {
            Self::Node(config, _) => &config.warnings,
            Self::Gateway(..) => &[],
        }
    }

    pub(crate) fn log_config(&self) -> &LogConfig {
        match self {
            Self::Node(config, _) => &config.log,
            Self::Gateway(config, _) => &config.log,
        }
    }
}

impl Cli {
    /// Parses the arguments after the name of the program. Prints the help, the version or what is wrong, and ends the process.
    pub(crate) fn from_args(name: &'static str, args: impl IntoIterator<Item = OsString>) -> Self {
        let args = iter::once(OsString::from(name)).chain(args);
        let parsed = Self::command().bin_name(name).try_get_matches_from(args);
        parsed.and_then(|matches| Self::from_arg_matches(&matches)).unwrap_or_else(|error| error.exit())
    }

    /// Returns the command for a data folder, if it is one.
    pub(crate) fn data_command(&self) -> Option<&DataCommand> {
        match &self.command {
            Some(Subcommands::Data(command)) => Some(command),
            _ => None,
        }
    }

    /// Returns the import that the command line asks for, if it does.
    pub(crate) fn import(
        &self,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Import>, ConfigError> {
        match &self.command {
            Some(Subcommands::Import(import)) => import.clone().into_import(env).map(Some),
            _ => Ok(None),
        }
    }

    /// Reads the configuration file, if one is given, and overrides it by the options.
    pub(crate) fn into_command(self, env: impl Fn(&str) -> Option<OsString>) -> Result<Command, ConfigError> {
        match self.command {
            Some(Subcommands::Gateway(gateway)) => gateway.into_command(),
            Some(Subcommands::Data(_)) => Err(ConfigError::Value(
                "--check-config is for the configuration of a node or a gateway".into(),
            )),
            // An import runs neither; see `import`.
            Some(Subcommands::Import(_)) | None => self.node.into_command(env),
        }
    }
}

impl GatewayArgs {
    fn into_command(self) -> Result<Command, ConfigError> {
        let mut config =
            self.config.as_deref().map_or_else(|| Ok(GatewayConfig::default()), GatewayConfig::read)?;
        config.http.listen = self.http.or(config.http.listen);
        self.http_options.override_config(&mut config.http);
        config.shutdown_timeout = self.shutdown_timeout.or(config.shutdown_timeout);
        self.log.override_config(&mut config.log);
        let locator = self.locator.or(config.locator.take()).unwrap_or_else(|| "localhost".into());
        Ok(Command::Gateway(Box::new(config), locator))
    }
}

impl NodeArgs {
    fn into_command(self, env: impl Fn(&str) -> Option<OsString>) -> Result<Command, ConfigError> {
        let mut config =
            self.config.as_deref().map_or_else(|| Ok(NodeConfig::default()), NodeConfig::read)?;
        if let Some(listen) = self.listen {
            config.set_listen(listen.into_iter().collect());
        }
        config.network.pinned.extend(self.pin);
        config.network.shared = self.ports.or(config.network.shared);
        config.data = self.data.or(config.data);
        config.cluster = if self.no_cluster { Some(false) } else { config.cluster };
        config.uuid = self.uuid.or(config.uuid);
        config.hostname = self.hostname.or(config.hostname);
        config.runlist = self.runlist.or(config.runlist);
        config.shutdown_timeout = self.shutdown_timeout.or(config.shutdown_timeout);
        if let Some(address) = self.http {
            config.http.get_or_insert_default().listen = Some(address);
        }
        match &mut config.http {
            Some(http) => self.http_options.override_config(http),
            None if self.http_options.is_given() => {
                let text = "--json-rpc, --admin-socket and --access-log are for the HTTP gateway: start it with --http";
                return Err(ConfigError::Value(text.into()));
            }
            None => {}
        }
        config.geobase.database = self.geobase.or(config.geobase.database.take());
        self.log.override_config(&mut config.log);
        config.log.verbosity = self.verbosity.or(config.log.verbosity);
        let data = data_folder(config.data.clone(), env)?;
        Ok(Command::Node(Box::new(config), data))
    }
}

/// Parses `SERVICE=PORT`; the names of services may have colons.
fn parse_pinned_port(text: &str) -> Result<(String, u16), String> {
    let (name, port) = text.rsplit_once('=').ok_or("write SERVICE=PORT")?;
    Ok((name.to_owned(), parse_port(port)?))
}

/// Parses `FIRST-LAST`.
fn parse_port_range(text: &str) -> Result<(u16, u16), String> {
    let (first, last) = text.split_once('-').ok_or("write FIRST-LAST")?;
    Ok((parse_port(first)?, parse_port(last)?))
}

fn parse_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("`{text}` is not a port"))
}

/// Returns the data folder: the one that is set, or the default one.
fn data_folder(set: Option<PathBuf>, env: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, ConfigError> {
    set.or_else(|| default_data(env)).ok_or_else(|| {
        ConfigError::Value(
            "neither HOME nor XDG_STATE_HOME is set: say with --data where to keep data".into(),
        )
    })
}

/// Returns the folder in which programs of this user keep their state.
fn default_data(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = path("XDG_STATE_HOME").or_else(|| path("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("cocaine"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use clap::CommandFactory;

    use super::*;

    fn env<const N: usize>(set: [(&'static str, &'static str); N]) -> impl Fn(&str) -> Option<OsString> {
        move |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    }

    fn parse(args: &[&str]) -> Cli {
        Cli::parse_from(["cocaine-node"].iter().chain(args))
    }

    fn node(cli: Cli, env: impl Fn(&str) -> Option<OsString>) -> Result<(NodeConfig, PathBuf), ConfigError> {
        match cli.into_command(env)? {
            Command::Node(config, data) => Ok((*config, data)),
            Command::Gateway(..) => panic!("not a gateway"),
        }
    }

    fn settings(args: &[&str]) -> (NodeConfig, PathBuf) {
        node(parse(args), env([("HOME", "/home/u")])).unwrap()
    }

    #[test]
    fn no_options_set_only_the_data_folder() {
        let (config, data) = settings(&[]);
        assert_eq!(config, NodeConfig::default());
        assert_eq!(data, Path::new("/home/u/.local/state/cocaine"));
    }

    #[test]
    fn data_defaults_to_the_state_folder() {
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
        let text = "listen = \"a:1\"\ndata = \"file\"\nshutdown_timeout = 1\nuuid = \"u\"\nhostname = \"h\"\nrestrict = [\"r\"]\n\
                    [log]\nlevel = \"error\"\nfile = \"f\"\nverbosity = 1\nterminal = false\n";
        fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let (from_file, data) = settings(&["--config", file]);
        assert_eq!(from_file, NodeConfig::read(Path::new(file)).unwrap());
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
            "--shutdown-timeout",
            "2.5",
            "--http",
            "c:3",
            "--geobase",
            "d.mmdb",
        ];
        let (overridden, data) = settings(&options);
        assert_eq!(overridden.listen, Some("b:2".into()));
        assert_eq!(data, Path::new("option"));
        assert_eq!(overridden.cluster, Some(false));
        assert_eq!(overridden.uuid.as_deref(), Some("v"));
        assert_eq!(overridden.hostname.as_deref(), Some("i"));
        assert_eq!(overridden.shutdown_timeout, Some(2.5));
        assert_eq!(overridden.restrict.as_deref(), Some(&["r".to_owned()][..]), "no option overrides it");
        assert_eq!(overridden.log.level, Some(LogLevel::Debug));
        assert_eq!(overridden.log.file.as_deref(), Some(Path::new("g")));
        assert_eq!(overridden.log.verbosity, Some(-1));
        assert_eq!(overridden.log.terminal, Some(false));
        assert_eq!(overridden.geobase.database.as_deref(), Some(Path::new("d.mmdb")));
        assert_eq!(overridden.http.unwrap().listen.as_deref(), Some("c:3"));
    }

    /// Returns the options in the columns of `docs/configuration.md`.
    fn documented_options() -> BTreeSet<String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let page = fs::read_to_string(file).unwrap();
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        let quoted = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
        quoted.filter_map(|text| text.strip_prefix("--")).map(str::to_owned).collect()
    }

    #[test]
    fn options_for_settings_are_documented() {
        let command = Cli::command();
        let gateway = command.find_subcommand("gateway").unwrap();
        let commands = [&command, gateway].into_iter();
        let options = commands.flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long);
        let is_setting = |option: &&str| !["check-config", "config", "print-config"].contains(option);
        let options: BTreeSet<_> = options.filter(is_setting).map(str::to_owned).collect();
        assert_eq!(options, documented_options());
    }

    #[test]
    fn printed_configuration_has_options_and_data_folder() {
        let printed = |args: &[&str]| {
            let command = parse(args).into_command(env([("HOME", "/home/u")])).unwrap();
            command.to_toml().unwrap().parse::<toml::Table>().unwrap()
        };
        let node = printed(&["--no-cluster", "--http", "a:1", "--log-level", "warn", "--access-log", "json"]);
        assert_eq!(node["data"].as_str(), Some("/home/u/.local/state/cocaine"));
        assert_eq!((node["cluster"].as_bool(), node["http"]["listen"].as_str()), (Some(false), Some("a:1")));
        assert_eq!(node["log"]["level"].as_str(), Some("warn"));
        assert_eq!(node["http"]["access_log"]["kind"].as_str(), Some("json"));
        assert_eq!(node.get("listen"), None, "the default is a comment");
        assert_eq!(printed(&["gateway", "--locator", "b:2"])["locator"].as_str(), Some("b:2"));
    }

    #[test]
    fn network_options_override_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("node.toml");
        let text = "listen = ['a', 'unix:/b,c']\n[network]\npinned = { locator = 5, storage = 6 }\nshared = [7, 8]\n";
        fs::write(&file, text).unwrap();
        let config = ["--config", file.to_str().unwrap()];
        let (from_file, _) = settings(&config);
        assert_eq!(from_file.listen, Some(["a", "unix:/b,c"].into_iter().collect()));
        assert_eq!((from_file.network.pinned.len(), from_file.network.shared), (2, Some((7, 8))));
        let options = ["--listen", "d:1,[::]:2", "--listen", "/e", "--ports", "9-10"];
        let pins = ["--pin", "storage=11,logging::v2=12"];
        let (config, _) = settings(&[&config[..], &options, &pins].concat());
        assert_eq!(config.listen, Some("d:1,[::]:2,/e".into()));
        let pinned = [("logging::v2".to_owned(), 12), ("storage".to_owned(), 11)];
        assert_eq!(config.network.pinned, pinned.into(), "`--listen` says the locator's");
        assert_eq!(config.network.shared, Some((9, 10)));
        for options in [["--pin", "storage"], ["--pin", "a=65536"], ["--ports", "1"], ["--ports", "a-b"]] {
            assert!(Cli::try_parse_from(["cocaine-node"].iter().chain(&options)).is_err(), "{options:?}");
        }
    }

    #[test]
    fn gateway_command_reads_file_and_options() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        fs::write(&file, "locator = \"a:1\"\n[http]\nlisten = \"b:2\"\ntimeout = 5\n").unwrap();
        let file = file.to_str().unwrap();
        let gateway = |args: &[&str]| match parse(args).into_command(env([])).unwrap() {
            Command::Gateway(config, locator) => (config.http, locator),
            Command::Node(..) => panic!("not a node"),
        };
        let (http, locator) = gateway(&["gateway", "--config", file]);
        assert_eq!((http.listen.as_deref(), http.timeout, locator.as_str()), (Some("b:2"), Some(5.0), "a:1"));
        let (http, locator) = gateway(&["gateway", "--config", file, "--http", "c:3", "--locator", "d:4"]);
        assert_eq!((http.listen.as_deref(), http.timeout, locator.as_str()), (Some("c:3"), Some(5.0), "d:4"));
        assert_eq!(gateway(&["gateway"]).1, "localhost");
    }

    #[test]
    fn access_options_need_a_gateway() {
        let options = ["--json-rpc", "storage,geobase", "--admin-socket", "/run/admin"];
        let (config, _) = settings(&[&["--http", "a:1"][..], &options].concat());
        let http = config.http.unwrap();
        assert_eq!(http.json_rpc_services, Some(vec!["storage".into(), "geobase".into()]));
        assert_eq!(http.admin_socket.as_deref(), Some(Path::new("/run/admin")));
        let error = node(parse(&options), env([("HOME", "/home/u")])).unwrap_err().to_string();
        assert!(error.contains("--http"), "{error}");
        match parse(&[&["gateway"][..], &options].concat()).into_command(env([])).unwrap() {
            Command::Gateway(config, _) => assert_eq!(config.http.json_rpc_services.unwrap().len(), 2),
            Command::Node(..) => panic!("not a gateway"),
        }
    }

    #[test]
    fn unreadable_file_is_named() {
        let error = node(parse(&["--config", "/no/such.toml"]), env([])).unwrap_err().to_string();
        assert!(error.starts_with("cannot read /no/such.toml"), "{error}");
    }
}
