//! `cocaine-node`: a whole Cocaine cloud on this machine.

mod cli;

use std::{io::Write, path::Path, process::ExitCode, time::Duration};

use clap::Parser;
use cocaine_node::{
    Node,
    config::{LogConfig, LogLevel, NodeConfig},
    gateway::Gateway,
    helper::{self, Helper},
    log::{Log, LogLayer},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

use cli::{Cli, Command};

type ProgramError = Box<dyn std::error::Error + Send + Sync>;

/// How long the log may take to write its queue when the program ends.
const LOG_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    helper::exec_worker_if_requested();
    start()
}

#[tokio::main]
async fn start() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cocaine-node: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), ProgramError> {
    let command = cli.into_command(|name| std::env::var_os(name))?;
    let log = start_log(command.log_config())?;
    let served = run_command(&command, &log).await;
    if timeout(LOG_TIMEOUT, log.close()).await.is_err() {
        eprintln!("cocaine-node: the end of the log could not be written in time");
    }
    served
}

/// Runs a node or a gateway until the process is told to stop.
async fn run_command(command: &Command, log: &Log) -> Result<(), ProgramError> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stopped = async {
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("interrupted: stopping"),
            _ = terminate.recv() => tracing::info!("told to terminate: stopping"),
        }
    };
    match command {
        Command::Node(config, data) => {
            let node = start_node(config, data, log).await?;
            stopped.await;
            node.shutdown().await;
        }
        Command::Gateway(config, locator) => {
            let gateway = Gateway::start(locator, &config.http).await?;
            print_line(&format!(
                "cocaine-node speaks HTTP on {}, in front of {locator}",
                gateway.local_addr()
            ));
            stopped.await;
            gateway.shutdown().await;
        }
    }
    Ok(())
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
