//! The access log: a line for each request, as text or as JSON, in a file or in the log of the program.

mod format;
mod writer;

use std::{
    io,
    net::IpAddr,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use http::{HeaderValue, Method, StatusCode, Uri, Version};

use self::{format::LineFormat, writer::LineWriter};
use crate::config::{AccessLogConfig, ConfigError};

/// One request, as the access log describes it.
#[derive(Debug)]
pub(super) struct AccessEntry {
    pub(super) time: SystemTime,
    pub(super) client: Option<IpAddr>,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) host: Option<HeaderValue>,
    pub(super) referer: Option<HeaderValue>,
    pub(super) user_agent: Option<HeaderValue>,
    pub(super) request_id: String,
    pub(super) traceparent: Option<HeaderValue>,
    pub(super) service: Option<String>,
    pub(super) event: Option<String>,
    pub(super) status: StatusCode,
    /// Bytes of the response's body that were sent.
    pub(super) bytes: u64,
    /// From the request to the end of its response.
    pub(super) duration: Duration,
    /// Whether the response was sent to its end.
    pub(super) complete: bool,
}

/// Writes a line for each request, unless it is off.
#[derive(Debug)]
pub(super) struct AccessLog {
    format: Option<LineFormat>,
    writer: Option<LineWriter>,
}

impl AccessLog {
    /// Returns the log that a configuration asks for. Nothing is opened yet.
    ///
    /// # Errors
    /// A format that names an unknown field.
    pub(super) fn new(config: &AccessLogConfig) -> Result<Self, ConfigError> {
        Ok(Self { format: LineFormat::new(config)?, writer: None })
    }

    /// Opens the file, if there is one. Lines without a file go to the log of the program.
    ///
    /// # Errors
    /// The file cannot be opened, or the thread that writes cannot be started.
    pub(super) fn open(&mut self, file: Option<PathBuf>) -> io::Result<()> {
        self.writer = file.filter(|_| self.format.is_some()).map(LineWriter::start).transpose()?;
        Ok(())
    }

    /// Opens the file again, which may have been moved away.
    pub(super) fn reopen(&self) {
        if let Some(writer) = &self.writer {
            writer.reopen();
        }
    }

    /// Returns whether requests are logged.
    pub(super) fn is_on(&self) -> bool {
        self.format.is_some()
    }

    /// Writes the line of a request.
    pub(super) fn write(&self, entry: &AccessEntry) {
        let Some(format) = &self.format else { return };
        let line = format.line(entry);
        if let Some(writer) = &self.writer {
            writer.write(line);
        } else {
            tracing::info!(target: "cocaine_node::access", "{line}");
        }
    }
}
