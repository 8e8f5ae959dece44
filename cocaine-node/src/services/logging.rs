//! `logging`: the three methods of the core (`services.md` 4).

use std::time::SystemTime;

use cocaine::{Error, Result, Scalar, Severity, server::Dispatch};
use cocaine_bindings::Logging;

use crate::{
    errno::{self, Errno},
    log::{Log, LogBroadcast, LogRecord},
    service_host::LimitedService,
};

/// The largest arguments in bytes: a message with its attributes.
const MAX_ARGS_BYTES: usize = 16 << 20;

/// Refuses messages that are too large before their attributes are decoded.
pub(crate) fn limited<D: Dispatch>(dispatch: D) -> LimitedService<D> {
    LimitedService::new(dispatch, MAX_ARGS_BYTES, |bytes| {
        let text = format!("a message of {bytes} bytes is larger than {MAX_ARGS_BYTES}");
        errno::error(Errno::TOOBIG, text)
    })
}

/// The service around the node's log.
#[derive(Clone, Debug)]
pub(crate) struct LoggingService {
    log: Log,
    broadcast: LogBroadcast,
}

impl LoggingService {
    pub(crate) fn new(log: Log, broadcast: LogBroadcast) -> Self {
        Self { log, broadcast }
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
        if self.log.is_enabled(severity) {
            let attributes = attributes.unwrap_or_default();
            let record = LogRecord {
                time: SystemTime::now(),
                severity,
                source: source.to_owned(),
                message: message.to_owned(),
                attributes: attributes
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
            }
            .with_current_trace();
            self.broadcast.publish(record.to_line());
            self.log.write(record);
        }
        Ok(())
    }

    async fn verbosity(&self) -> Result<Severity> {
        Ok(self.log.verbosity().into())
    }

    /// The original announces this and does not serve it.
    async fn set_verbosity(&self, _: Severity) -> Result<()> {
        Err(Error::unbound())
    }
}
