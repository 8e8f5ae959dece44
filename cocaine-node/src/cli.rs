//! What the command line says, on top of the configuration file.

use std::{ffi::OsString, path::PathBuf};

use clap::{Parser, ValueEnum};
use cocaine_node::config::{ConfigError, Level, NodeConfig};

/// A whole Cocaine cloud on this machine: locator, storage, logging and the node's apps.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
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
    /// The least important of the node's own events that are logged [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LevelArg>,
    /// A file that gets every log line as JSON
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// The least severity that the service `logging` takes: 0 debug, 1 info, 2 warning, 3 error [default: 0]
    #[arg(long, value_name = "SEVERITY", allow_negative_numbers = true)]
    verbosity: Option<i32>,
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

/// What a node is started with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: NodeConfig,
    pub(crate) data: PathBuf,
}

impl Cli {
    /// Reads the configuration file, if one is given, and puts the options on top of it.
    pub(crate) fn settings(self, env: impl Fn(&str) -> Option<OsString>) -> Result<Settings, ConfigError> {
        let mut config =
            self.config.as_deref().map_or_else(|| Ok(NodeConfig::default()), NodeConfig::read)?;
        config.listen = self.listen.or(config.listen);
        config.data = self.data.or(config.data);
        config.cluster = if self.no_cluster { Some(false) } else { config.cluster };
        config.uuid = self.uuid.or(config.uuid);
        config.hostname = self.hostname.or(config.hostname);
        config.runlist = self.runlist.or(config.runlist);
        config.log.level = self.log_level.map(Level::from).or(config.log.level);
        config.log.file = self.log_file.or(config.log.file);
        config.log.verbosity = self.verbosity.or(config.log.verbosity);
        let data = config.data.clone().or_else(|| default_data(env)).ok_or_else(|| {
            ConfigError::Value(
                "neither HOME nor XDG_STATE_HOME is set: say with --data where to keep data".into(),
            )
        })?;
        Ok(Settings { config, data })
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

    fn settings(args: &[&str]) -> Settings {
        parse(args).settings(env([("HOME", "/home/u")])).unwrap()
    }

    #[test]
    fn without_options_nothing_is_set_but_the_folder() {
        let settings = settings(&[]);
        assert_eq!(settings.config, NodeConfig::default());
        assert_eq!(settings.data, Path::new("/home/u/.local/state/cocaine"));
    }

    #[test]
    fn data_goes_where_the_user_keeps_state() {
        let data =
            |env: &dyn Fn(&str) -> Option<OsString>| parse(&[]).settings(env).map(|settings| settings.data);
        let both = env([("HOME", "/home/u"), ("XDG_STATE_HOME", "/state")]);
        assert_eq!(data(&both).unwrap(), Path::new("/state/cocaine"));
        let relative = env([("HOME", "/home/u"), ("XDG_STATE_HOME", "state")]);
        assert_eq!(data(&relative).unwrap(), Path::new("/home/u/.local/state/cocaine"));
        let error = data(&env([])).unwrap_err().to_string();
        assert!(error.contains("--data"), "{error}");
        assert_eq!(parse(&["--data", "here"]).settings(env([])).unwrap().data, Path::new("here"));
    }

    #[test]
    fn options_override_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("node.toml");
        let text = "listen = \"a:1\"\ndata = \"file\"\nuuid = \"u\"\nhostname = \"h\"\nrestrict = [\"r\"]\n\
                    [log]\nlevel = \"error\"\nfile = \"f\"\nverbosity = 1\nterminal = false\n";
        fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let plain = settings(&["--config", file]);
        assert_eq!(plain.config, NodeConfig::read(Path::new(file)).unwrap());
        assert_eq!(plain.data, Path::new("file"));
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
        ];
        let over = settings(&options);
        assert_eq!(over.config.listen.as_deref(), Some("b:2"));
        assert_eq!(over.data, Path::new("option"));
        assert_eq!(over.config.cluster, Some(false));
        assert_eq!(over.config.uuid.as_deref(), Some("v"));
        assert_eq!(over.config.hostname.as_deref(), Some("i"));
        assert_eq!(over.config.restrict, ["r"], "what has no option stays");
        assert_eq!(over.config.log.level, Some(Level::Debug));
        assert_eq!(over.config.log.file.as_deref(), Some(Path::new("g")));
        assert_eq!(over.config.log.verbosity, Some(-1));
        assert_eq!(over.config.log.terminal, Some(false));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let error = parse(&["--config", "/no/such.toml"]).settings(env([])).unwrap_err().to_string();
        assert!(error.starts_with("cannot read /no/such.toml"), "{error}");
    }
}
