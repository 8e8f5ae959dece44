//! Lines of the log of a cloud.

use std::{borrow::Cow, collections::BTreeMap};

use cocaine::{Client, Code, Scalar, Severity};
use cocaine_bindings::{LoggingStreamClient, StreamedLine};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    error::{Error, Result},
    output::{Row, Style},
};

/// Connects to the service that has the lines.
pub(crate) async fn connect_stream(cloud: &Client) -> Result<LoggingStreamClient> {
    cloud.service().await.map_err(|error| match error.code() {
        Some(Code::SERVICE_NOT_AVAILABLE) => Error::NotFound(
            "this cloud has no service `logging::stream`: an original node writes its log to a file, and crashes are in \
             `cocaine app show NAME`"
                .to_owned(),
        ),
        _ => Error::while_doing("the service `logging::stream` cannot be reached")(error),
    })
}

/// A line, as it is printed.
#[derive(Debug, Serialize)]
pub(crate) struct LineRow {
    pub(crate) time: String,
    pub(crate) level: Cow<'static, str>,
    pub(crate) source: String,
    /// The worker that has printed it.
    pub(crate) worker: Option<String>,
    pub(crate) message: String,
    pub(crate) attributes: BTreeMap<String, Scalar>,
}

impl LineRow {
    /// Returns a line of `logging::stream`.
    pub(crate) fn from_stream(line: &StreamedLine) -> Self {
        let time = i64::try_from(line.time).ok().and_then(|time| Timestamp::from_microsecond(time).ok());
        Self {
            time: time.unwrap_or_default().to_string(),
            level: Cow::Borrowed(match line.severity {
                Severity::Debug => "debug",
                Severity::Info => "info",
                Severity::Warning => "warning",
                _ => "error",
            }),
            source: line.source.clone(),
            worker: line.worker.clone(),
            message: String::from_utf8_lossy(&line.message).into_owned(),
            attributes: line.attributes.iter().cloned().collect(),
        }
    }
}

impl Row for LineRow {
    const COLUMNS: &'static [&'static str] = &["time", "level", "source", "worker", "message"];

    fn cells(&self) -> Vec<String> {
        let worker = self.worker.as_deref().map_or("-", |uuid| uuid.get(..8).unwrap_or(uuid));
        let attributes: Vec<_> =
            self.attributes.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        vec![
            self.time.clone(),
            self.level.to_string(),
            self.source.clone(),
            worker.to_owned(),
            format!("{}{}", self.message, attributes.concat()),
        ]
    }
    fn style(&self, column: usize) -> Style {
        match (column, self.level.as_ref()) {
            (0 | 3, _) | (1, "debug") => Style::Faint,
            (1, "warning") => Style::Warning,
            (1, "error") => Style::Failed,
            _ => Style::Plain,
        }
    }
}
