//! One line, and which lines somebody follows.

use std::time::SystemTime;

use cocaine::{Bytes, Scalar, Severity};

/// A line that a worker has printed, or a message of `logging`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// When it came.
    pub time: SystemTime,
    /// The severity; that of what a worker prints is `Info`.
    pub severity: Severity,
    /// The source, by convention `app/` and the app's name. What a worker prints always has it.
    pub source: String,
    /// The uuid of the worker that has printed the line. A message of `logging` has none.
    pub worker: Option<String>,
    /// The line without its end, or the message. What a worker prints is bytes as they are, which need not be UTF-8.
    pub message: Bytes,
    /// Named values that belong to a message.
    pub attributes: Vec<(String, Scalar)>,
}

impl LogLine {
    /// The most bytes of a message, and of all attributes. A longer message is cut, a longer line of a worker goes on in the
    /// next one, and further attributes are left out.
    pub const MAX_MESSAGE_BYTES: usize = 64 << 10;

    /// Returns a line that a worker has printed.
    pub(crate) fn printed(app: &str, worker: &str, message: Bytes) -> Self {
        Self {
            time: SystemTime::now(),
            severity: Severity::Info,
            source: app_source(app),
            worker: Some(worker.to_owned()),
            message,
            attributes: Vec::new(),
        }
    }

    /// Returns the line of a message of `logging`, with a copy of what fits into one.
    pub(crate) fn logged(
        (time, severity): (SystemTime, Severity),
        source: &str,
        message: &str,
        attributes: &[(String, Scalar)],
    ) -> Self {
        let message = &message[..message.floor_char_boundary(Self::MAX_MESSAGE_BYTES)];
        let attributes = &attributes[..fitting_attributes(attributes)];
        Self {
            time,
            severity,
            source: source.to_owned(),
            worker: None,
            message: Bytes::from(message),
            attributes: attributes.iter().map(|(name, value)| (name.clone(), detach(value))).collect(),
        }
    }

    /// Cuts what is too long.
    pub(super) fn cut(mut self) -> Self {
        if self.message.len() > Self::MAX_MESSAGE_BYTES {
            // A copy: a slice would keep all of it.
            self.message = Bytes::from(&self.message[..Self::MAX_MESSAGE_BYTES]);
        }
        if self.source.len() > MAX_SOURCE_BYTES {
            self.source.truncate(self.source.floor_char_boundary(MAX_SOURCE_BYTES));
        }
        self.attributes.truncate(fitting_attributes(&self.attributes));
        self
    }

    /// Returns roughly the number of bytes that the line occupies.
    pub(super) fn weight(&self) -> usize {
        let attributes: usize = self.attributes.iter().map(attribute_weight).sum();
        let worker = self.worker.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.source.len() + worker + self.message.len() + attributes
    }
}

/// The longest source in bytes.
const MAX_SOURCE_BYTES: usize = 1024;

/// Returns how many attributes are kept.
fn fitting_attributes(attributes: &[(String, Scalar)]) -> usize {
    let mut size = 0;
    let fits = |attribute: &&(String, Scalar)| {
        size += attribute_weight(attribute);
        size <= LogLine::MAX_MESSAGE_BYTES
    };
    attributes.iter().take_while(fits).count()
}

/// Returns a copy of a value that shares no memory with the message that it came in.
fn detach(value: &Scalar) -> Scalar {
    match value {
        Scalar::Raw(raw) => Scalar::Raw(Bytes::from(&raw[..])),
        other => other.clone(),
    }
}

fn attribute_weight((name, value): &(String, Scalar)) -> usize {
    let value = if let Scalar::Raw(raw) = value { raw.len() } else { 0 };
    size_of::<(String, Scalar)>() + name.len() + value
}

/// Returns the source of what belongs to an app.
fn app_source(app: &str) -> String {
    format!("app/{app}")
}

/// Which lines somebody follows. By default these are all, without those before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSelection {
    /// The sources; all if there are none.
    sources: Vec<String>,
    min_severity: Option<i32>,
    history: usize,
}

impl LogSelection {
    /// Adds a source to those that are followed. `a/b` is itself and what begins with `a/b/`.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.sources.push(source.into());
        self
    }

    /// Adds an app to the sources: what its workers print, and what is logged for it.
    #[must_use]
    pub fn app(self, app: &str) -> Self {
        self.source(app_source(app))
    }

    /// Sets the least severity.
    #[must_use]
    pub fn min_severity(mut self, severity: Severity) -> Self {
        self.min_severity = Some(severity.into());
        self
    }

    /// Sets how many of the lines before are sent first, as far as they are kept.
    #[must_use]
    pub fn history(mut self, lines: usize) -> Self {
        self.history = lines;
        self
    }

    pub(super) fn history_len(&self) -> usize {
        self.history
    }

    pub(super) fn matches(&self, line: &LogLine) -> bool {
        let is_below = |source: &String| {
            let rest = line.source.strip_prefix(source.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.min_severity.is_none_or(|least| i32::from(line.severity) >= least)
            && (self.sources.is_empty() || self.sources.iter().any(is_below))
    }
}
