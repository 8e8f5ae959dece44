//! `cocaine-node`: a whole Cocaine cloud on this machine.

mod cli;
mod signals;

use std::{
    io::Write,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use cocaine_node::{
    Node,
    config::{LogConfig, LogLevel, NodeConfig},
    gateway::Gateway,
    helper::{self, Helper},
    log::{Log, LogLayer},
};
use tokio::{runtime::Runtime, time::timeout};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

use cli::{Cli, Command};
use signals::StopSignals;

type ProgramError = Box<dyn std::error::Error + Send + Sync>;

/// How long the log may take to write its queue when the program cannot start.
const LOG_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the tasks that still run may take to be dropped when the program ends.
const EXIT_TIMEOUT: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    helper::exec_worker_if_requested();
    let ran = Runtime::new().map_err(ProgramError::from).and_then(|runtime| {
        let ran = runtime.block_on(run(Cli::parse()));
        // Dropping the task of a worker kills it.
        runtime.shutdown_timeout(EXIT_TIMEOUT);
        ran
    });
    ran.unwrap_or_else(|error| {
        eprintln!("cocaine-node: {error}");
        ExitCode::FAILURE
    })
}

/// Runs a node or a gateway until the process is told to stop.
async fn run(cli: Cli) -> Result<ExitCode, ProgramError> {
    let command = cli.into_command(|name| std::env::var_os(name))?;
    let shutdown_timeout = command.shutdown_timeout()?;
    let mut signals = StopSignals::new()?;
    let log = start_log(command.log_config())?;
    let started = tokio::select! {
        started = Server::start(&command, &log) => started.map(Some),
        _ = signals.recv() => Ok(None),
    };
    let Ok(Some(server)) = started else {
        close_log(&log, LOG_TIMEOUT).await;
        return started.map(|_| ExitCode::SUCCESS);
    };
    tracing::info!(limit = ?shutdown_timeout, "{}: stopping", signals.recv().await.text());
    let start = Instant::now();
    let stopped = async {
        server.shutdown(shutdown_timeout).await;
        let left = shutdown_timeout.saturating_sub(start.elapsed());
        close_log(&log, left.saturating_sub(EXIT_TIMEOUT)).await;
    };
    tokio::select! {
        () = stopped => Ok(ExitCode::SUCCESS),
        again = signals.recv() => {
            eprintln!("cocaine-node: {} again: ending at once", again.text());
            Ok(again.exit_code())
        }
    }
}

async fn close_log(log: &Log, limit: Duration) {
    if timeout(limit, log.close()).await.is_err() {
        eprintln!("cocaine-node: the end of the log could not be written in time");
    }
}

/// What the program runs.
enum Server {
    Node(Box<Node>),
    Gateway(Gateway),
}

impl Server {
    async fn start(command: &Command, log: &Log) -> Result<Self, ProgramError> {
        match command {
            Command::Node(config, data) => Ok(Self::Node(Box::new(start_node(config, data, log).await?))),
            Command::Gateway(config, locator) => {
                let gateway = Gateway::start(locator, &config.http).await?;
                print_line(&format!(
                    "cocaine-node speaks HTTP on {}, in front of {locator}",
                    gateway.local_addr()
                ));
                Ok(Self::Gateway(gateway))
            }
        }
    }

    async fn shutdown(self, limit: Duration) {
        match self {
            // The node has the limit from its configuration.
            Self::Node(node) => node.shutdown().await,
            Self::Gateway(gateway) => gateway.shutdown_within(limit).await,
        }
    }
}

async fn start_node(config: &NodeConfig, data: &Path, log: &Log) -> Result<Node, ProgramError> {
    let node = Node::builder().config(config).data(data).log(log.clone()).helper(Helper::current_exe());
    let node = node.start().await?;
    let (address, data) = (node.locator_addr(), data.display());
    let http = node.http_addr().map(|address| format!(" and on {address} (HTTP)")).unwrap_or_default();
    print_line(&format!("cocaine-node is listening on {address} (locator){http}, data in {data}"));
    Ok(node)
}

/// Prints a line, and ignores a closed standard output.
fn print_line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Starts the log, and sends the program's own events to it.
fn start_log(config: &LogConfig) -> Result<Log, ProgramError> {
    let mut log = Log::builder().verbosity(config.verbosity.unwrap_or_default());
    if config.terminal.unwrap_or(true) {
        log = log.stderr();
    }
    if let Some(file) = &config.file {
        log = log.file(file);
    }
    let log = log.start()?;
    let level = match config.level.unwrap_or_default() {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    tracing_subscriber::registry().with(level).with(LogLayer::new(log.clone())).try_init()?;
    Ok(log)
}
