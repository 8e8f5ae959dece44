//! Why a step of a test has failed.

use std::{fmt, io, path::PathBuf, time::Duration};

use cocaine::Code;
use cocaine_node::StartError;

/// Why a step of a test has failed. `Debug` shows the same text as `Display`, so that `unwrap` is readable.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The node does not start.
    #[error("the node does not start: {0}")]
    Start(#[from] StartError),
    /// The thread of the node, or what watches its workers, does not start.
    #[error("the cloud does not start: {0}")]
    Io(#[from] io::Error),
    /// There is no such program.
    #[error("the program {} of the app `{app}` cannot be read: {source}", .path.display())]
    Program {
        /// The name of the app.
        app: String,
        /// The path of the program.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A call failed.
    #[error("{what}: {source}{output}")]
    Call {
        /// What was called.
        what: String,
        /// The error of the call.
        source: cocaine::Error,
        /// The last lines that the workers of the app have printed, or an empty text.
        output: String,
    },
    /// Something did not happen in time.
    #[error("not within {limit:?}: {what}{output}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// The last lines that workers have printed, or an empty text.
        output: String,
    },
}

impl Error {
    /// Returns the code with which a service or a worker has failed the call.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Call { source, .. } => source.code(),
            _ => None,
        }
    }

    /// Returns a conversion of the errors of `what`.
    pub(crate) fn of(what: impl Into<String>) -> impl FnOnce(cocaine::Error) -> Self {
        let what = what.into();
        move |source| Self::Call { what, source, output: String::new() }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
