//! Errors, and what the program ends with.

use std::process::ExitCode;

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
    /// There is no such app.
    NotFound,
    /// The cloud does not allow it.
    Denied,
    /// No locator or service can be reached.
    Unreachable,
    /// The cloud has not answered in time.
    TimedOut,
    /// The schemas differ.
    Differs,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Failed => 1,
            ExitStatus::NotFound => 3,
            ExitStatus::Denied => 4,
            ExitStatus::Unreachable => 5,
            ExitStatus::TimedOut => 6,
            ExitStatus::Differs => 7,
        })
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
    /// A schema cannot be used.
    #[error("{0}")]
    Schema(String),
    /// There is nothing of this name.
    #[error("{0}")]
    NotFound(String),
    /// The new version breaks callers of the uploaded one.
    #[error("{0}")]
    Breaking(String),
}

impl Error {
    /// Returns how the program ends with this error.
    pub fn status(&self) -> ExitStatus {
        match self {
            Self::Cloud { source, .. } => status_of(source),
            Self::File { .. } | Self::Schema(_) => ExitStatus::Failed,
            Self::NotFound(_) => ExitStatus::NotFound,
            Self::Breaking(_) => ExitStatus::Differs,
        }
    }

    /// Returns a function that says what was to be done.
    pub(crate) fn while_doing(what: impl Into<String>) -> impl FnOnce(cocaine::Error) -> Self {
        let what = what.into();
        |source| Self::Cloud { what, source }
    }
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
