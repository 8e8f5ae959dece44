//! Errors, and what the program ends with.

use std::{io, process::ExitCode};

use cocaine::{Code, ErrorKind};

/// The result of a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitStatus {
    /// What was wanted is done.
    Done,
    /// It has failed, for none of the reasons below.
    Failed,
    /// The command line cannot be used.
    Usage,
    /// There is nothing of this name.
    NotFound,
    /// The cloud does not allow it.
    Denied,
    /// No locator or service can be reached.
    Unreachable,
    /// The cloud has not answered in time.
    TimedOut,
    /// What was compared differs.
    Differs,
    /// A signal has interrupted it.
    Interrupted,
    /// Another program was run, and this is its exit code.
    Command(u8),
}

impl ExitStatus {
    /// Returns the exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Denied => 4,
            Self::Unreachable => 5,
            Self::TimedOut => 6,
            Self::Differs => 7,
            Self::Interrupted => 130,
            Self::Command(code) => code,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// Why a command has failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The cloud has failed.
    #[error("{what}: {source}")]
    Cloud {
        /// What was to be done.
        what: String,
        /// The error of the client.
        source: cocaine::Error,
    },
    /// A file cannot be used.
    #[error("{path}: {reason}")]
    File {
        /// The path of the file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something else has failed. The text says what, and what to do.
    #[error("{0}")]
    Failed(String),
    /// The options or arguments cannot be used together, or in this cloud.
    #[error("{0}")]
    Usage(String),
    /// There is nothing of this name.
    #[error("{0}")]
    NotFound(String),
    /// The new version breaks callers of the uploaded one.
    #[error("{0}")]
    Breaking(String),
    /// The upload of an app has failed in the middle.
    #[error("{source}; {restored}")]
    Interrupted {
        /// Whether the former version is there again, and what to do if it is not.
        restored: String,
        /// Whether all of it is what it was.
        is_restored: bool,
        /// Why.
        source: Box<Error>,
    },
    /// The results cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    /// Returns how the program ends with this error. A reader of the output that has had enough is no failure.
    pub fn status(&self) -> ExitStatus {
        match self {
            Self::Cloud { source, .. } => status_of(source),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitStatus::Done,
            Self::File { .. } | Self::Failed(_) | Self::Output(_) => ExitStatus::Failed,
            Self::Usage(_) => ExitStatus::Usage,
            Self::NotFound(_) => ExitStatus::NotFound,
            Self::Breaking(_) => ExitStatus::Differs,
            Self::Interrupted { source, .. } => source.status(),
        }
    }

    /// Returns what to do next, where the text of the error does not say it.
    pub fn hint(&self) -> Option<&'static str> {
        let source = match self {
            Self::Cloud { source, .. } => source,
            Self::Interrupted { source, .. } => return source.hint(),
            _ => return None,
        };
        match status_of(source) {
            ExitStatus::Unreachable => Some(
                "is a node running there? `cocaine node` starts one; `--locator HOST:PORT`, COCAINE_LOCATOR or a context \
                 name another",
            ),
            ExitStatus::TimedOut => Some("`--timeout SECONDS` waits longer"),
            ExitStatus::Denied => Some("the token of a context is sent with each call: `--context NAME`"),
            _ => None,
        }
    }

    /// Returns a function that says what was to be done.
    pub(crate) fn while_doing(what: impl Into<String>) -> impl FnOnce(cocaine::Error) -> Self {
        let what = what.into();
        |source| Self::Cloud { what, source }
    }

    /// Returns a function that names the file.
    pub(crate) fn in_file<E: std::fmt::Display>(path: &std::path::Path) -> impl FnOnce(E) -> Self {
        let path = path.display().to_string();
        move |error| Self::File { path, reason: error.to_string() }
    }
}

/// Returns whether a storage has said that it has no such blob. That a storage is not available, as while a node starts, is another error.
pub(crate) fn is_blob_missing(error: &cocaine::Error) -> bool {
    error.code() == Some(Code::NOT_FOUND)
}

fn status_of(error: &cocaine::Error) -> ExitStatus {
    match (error.code(), error.kind()) {
        (Some(Code::PERMISSION_DENIED), _) => ExitStatus::Denied,
        (Some(Code::NOT_FOUND), _) => ExitStatus::NotFound,
        (Some(Code::SERVICE_NOT_AVAILABLE), _)
        | (None, ErrorKind::Connect(_) | ErrorKind::Disconnected(_)) => ExitStatus::Unreachable,
        (Some(Code::TIMED_OUT), _) | (None, ErrorKind::Deadline(_)) => ExitStatus::TimedOut,
        _ => ExitStatus::Failed,
    }
}
