//! The log of the program: where its own events go, and which of them.

use std::{path::PathBuf, time::Duration};

use crate::{
    config::{LogConfig, LogFormat, LogLevel},
    log::{Log, LogLayer},
};
use tokio::time::timeout;
use tracing_subscriber::{
    Registry, filter::LevelFilter, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::program::error::ProgramError;

/// The log of the program.
pub(crate) struct ProgramLog {
    log: Log,
    file: Option<PathBuf>,
    level: reload::Handle<LevelFilter, Registry>,
}

impl ProgramLog {
    /// Starts the log, and sends the program's own events to it.
    pub(crate) fn start(config: &LogConfig) -> Result<Self, ProgramError> {
        let mut log = Log::builder().verbosity(config.verbosity.unwrap_or_default());
        if config.terminal.unwrap_or(true) {
            log = match config.format.unwrap_or_default() {
                LogFormat::Text => log.stderr(),
                LogFormat::Json => log.stderr_json(),
            };
        }
        if let Some(file) = &config.file {
            log = log.file(file);
        }
        let log = log.start()?;
        let (level, handle) = reload::Layer::new(level_filter(config));
        tracing_subscriber::registry().with(level).with(LogLayer::new(log.clone())).try_init()?;
        Ok(Self { log, file: config.file.clone(), level: handle })
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Applies `level`, `verbosity` and `file`, and reopens the file.
    pub(crate) async fn reload(&mut self, config: &LogConfig) {
        // Fails only if the subscriber is gone, and with it all events.
        let _ = self.level.reload(level_filter(config));
        self.log.set_verbosity(config.verbosity.unwrap_or_default());
        let former = std::mem::replace(&mut self.file, config.file.clone());
        if !self.reopen().await {
            self.file = former;
        }
    }

    /// Reopens the file, which may have been moved away. Returns whether it could be opened.
    pub(crate) async fn reopen(&self) -> bool {
        let reopened = self.log.reopen(self.file.clone()).await;
        if let Err(error) = &reopened {
            tracing::error!(%error, "the log goes on in the file that was open");
        }
        reopened.is_ok()
    }

    /// Writes what is queued, within a time.
    pub(crate) async fn close(&self, limit: Duration) {
        if timeout(limit, self.log.close()).await.is_err() {
            eprintln!("cocaine-node: the end of the log could not be written in time");
        }
    }
}

fn level_filter(config: &LogConfig) -> LevelFilter {
    match config.level.unwrap_or_default() {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
