//! `logging`: the three methods of the core (`services.md` 4).

use std::time::SystemTime;

use cocaine::{Error, Result, Scalar, Severity};
use cocaine_bindings::Logging;

use crate::log::{Log, LogRecord};

/// The service around the node's log.
#[derive(Clone, Debug)]
pub(crate) struct LoggingService(Log);

impl LoggingService {
    pub(crate) fn new(log: Log) -> Self {
        Self(log)
    }
}

impl Logging for LoggingService {
    async fn emit(
        &self,
        severity: Severity,
        source: &str,
        message: &str,
        attributes: Option<&[(&str, Scalar)]>,
    ) -> Result<()> {
        if self.0.is_enabled(severity) {
            let attributes = attributes.unwrap_or_default();
            self.0.write(LogRecord {
                time: SystemTime::now(),
                severity,
                source: source.to_owned(),
                message: message.to_owned(),
                attributes: attributes
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
            });
        }
        Ok(())
    }

    async fn verbosity(&self) -> Result<Severity> {
        Ok(self.0.verbosity().into())
    }

    /// The original announces this and does not serve it.
    async fn set_verbosity(&self, _: Severity) -> Result<()> {
        Err(Error::unbound())
    }
}
