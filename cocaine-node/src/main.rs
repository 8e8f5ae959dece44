//! `cocaine-node`: a whole Cocaine cloud on this machine.

mod cli;

use std::{io::Write, process::ExitCode, time::Duration};

use clap::Parser;
use cocaine_node::{
    Node,
    config::{Level, LogConfig},
    helper::{self, Helper},
    log::{Log, LogLayer},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

use cli::{Cli, Settings};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long the log may take to write what waits at the end.
const LAST_WORDS: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    helper::run_if_asked();
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

async fn run(cli: Cli) -> Result<(), Failure> {
    let settings = cli.settings(|name| std::env::var_os(name))?;
    let log = log(&settings.config.log)?;
    let served = serve(&settings, &log).await;
    if timeout(LAST_WORDS, log.close()).await.is_err() {
        eprintln!("cocaine-node: the log could not be written in time");
    }
    served
}

async fn serve(settings: &Settings, log: &Log) -> Result<(), Failure> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let node = Node::builder().config(&settings.config)?.data(&settings.data).log(log.clone());
    let node = node.helper(Helper::current_exe());
    let node = node.start().await?;
    let (address, data) = (node.locator_addr(), settings.data.display());
    // Whoever started this may not read what it says.
    let _ = writeln!(std::io::stdout(), "cocaine-node is listening on {address} (locator), data in {data}");
    tokio::select! {
        _ = interrupt.recv() => tracing::info!("interrupted: stopping"),
        _ = terminate.recv() => tracing::info!("told to terminate: stopping"),
    }
    node.shutdown().await;
    Ok(())
}

/// Starts the log, and sends the node's own events there too.
fn log(config: &LogConfig) -> Result<Log, Failure> {
    let mut log = Log::builder().verbosity(config.verbosity.unwrap_or_default());
    if config.terminal.unwrap_or(true) {
        log = log.stderr();
    }
    if let Some(file) = &config.file {
        log = log.file(file);
    }
    let log = log.start()?;
    let level = match config.level.unwrap_or_default() {
        Level::Off => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    tracing_subscriber::registry().with(level).with(LogLayer::new(log.clone())).try_init()?;
    Ok(log)
}
