//! What the program runs: a node, or a gateway alone.

use std::{io::Write, path::Path, time::Duration};

use crate::{
    config::{ConfigError, NodeConfig},
    gateway::Gateway,
    helper::Helper,
    log::Log,
    node::Node,
};
use cocaine::MemoryBudget;

use super::{cli::Command, error::ProgramError};

/// A running node or gateway.
pub(crate) enum Server {
    Node(Box<Node>),
    Gateway(Gateway),
}

impl Server {
    /// Starts what the command line asks for, and prints its addresses.
    pub(crate) async fn start(command: &Command, log: &Log) -> Result<Self, ProgramError> {
        match command {
            Command::Node(config, data) => Ok(Self::Node(Box::new(start_node(config, data, log).await?))),
            Command::Gateway(config, locator) => {
                let memory = config.memory()?.unwrap_or(MemoryBudget::new(Gateway::MAX_MEMORY_BYTES));
                let gateway = Gateway::start_within(locator, &config.http, memory).await?;
                let address = gateway.local_addr();
                print_line(&format!("cocaine-node speaks HTTP on {address}, in front of {locator}"));
                Ok(Self::Gateway(gateway))
            }
        }
    }

    /// Applies what can be changed while it runs. Returns the keys of what needs a restart.
    pub(crate) fn reload(
        &mut self,
        older: &Command,
        newer: &Command,
    ) -> Result<Vec<&'static str>, ConfigError> {
        match (self, newer) {
            (Self::Node(node), Command::Node(config, data)) => {
                let mut config = config.clone();
                config.data = Some(data.clone());
                node.reload(&config)
            }
            (Self::Gateway(gateway), Command::Gateway(config, locator)) => {
                let mut fixed = gateway.reload(&config.http)?;
                if let Command::Gateway(older, known) = older {
                    let changed = [
                        ("locator", known != locator),
                        ("max_memory_bytes", older.max_memory_bytes != config.max_memory_bytes),
                    ];
                    fixed.extend(changed.into_iter().filter_map(|(key, changed)| changed.then_some(key)));
                }
                Ok(fixed)
            }
            // The command line has not changed, which decides what runs.
            _ => Ok(Vec::new()),
        }
    }

    /// Opens the files of logs again, but for that of the program itself.
    pub(crate) fn reopen_logs(&self) {
        match self {
            Self::Node(node) => node.reopen_access_log(),
            Self::Gateway(gateway) => gateway.reopen_access_log(),
        }
    }

    /// Stops it within `limit`.
    pub(crate) async fn shutdown(self, limit: Duration) {
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
    let sockets = node.locator_sockets().iter().map(|path| format!("unix:{}", path.display()));
    let addresses: Vec<_> = node.locator_addrs().iter().map(ToString::to_string).chain(sockets).collect();
    let (address, data) = (addresses.join(", "), data.display());
    let http = node.http_addr().map(|address| format!(" and on {address} (HTTP)")).unwrap_or_default();
    print_line(&format!("cocaine-node is listening on {address} (locator){http}, data in {data}"));
    Ok(node)
}

/// Prints a line, and ignores a closed standard output.
fn print_line(text: &str) {
    print_text(&format!("{text}\n"));
}

/// Prints a text, and ignores a closed standard output.
pub(crate) fn print_text(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
