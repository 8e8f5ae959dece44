//! `cocaine-node`: a whole Cocaine cloud on this machine.

mod cli;

use std::{io::Write, path::Path, process::ExitCode, time::Duration};

use clap::Parser;
use cocaine_node::{
    Node,
    config::{Level, LogConfig, NodeConfig},
    gateway::Gateway,
    helper::{self, Helper},
    log::{Log, LogLayer},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

use cli::{Cli, Program};

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
    let program = cli.program(|name| std::env::var_os(name))?;
    let log = log(program.log())?;
    let served = serve(&program, &log).await;
    if timeout(LAST_WORDS, log.close()).await.is_err() {
        eprintln!("cocaine-node: the log could not be written in time");
    }
    served
}

async fn serve(program: &Program, log: &Log) -> Result<(), Failure> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let told = async {
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("interrupted: stopping"),
            _ = terminate.recv() => tracing::info!("told to terminate: stopping"),
        }
    };
    match program {
        Program::Node(config, data) => {
            let node = start_node(config, data, log).await?;
            told.await;
            node.shutdown().await;
        }
        Program::Gateway(config, locator) => {
            let gateway = Gateway::start(locator, &config.http).await?;
            say(&format!("cocaine-node speaks HTTP on {}, in front of {locator}", gateway.local_addr()));
            told.await;
            gateway.shutdown().await;
        }
    }
    Ok(())
}

async fn start_node(config: &NodeConfig, data: &Path, log: &Log) -> Result<Node, Failure> {
    let node = Node::builder().config(config)?.data(data).log(log.clone()).helper(Helper::current_exe());
    let node = node.start().await?;
    let (address, data) = (node.locator_addr(), data.display());
    let http = node.http_addr().map(|address| format!(" and on {address} (HTTP)")).unwrap_or_default();
    say(&format!("cocaine-node is listening on {address} (locator){http}, data in {data}"));
    Ok(node)
}

/// Tells whoever started this, who may not read it.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
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
