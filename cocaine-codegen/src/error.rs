//! What can be wrong with the input, and the list of it.

use std::{fmt, path::PathBuf};

use crate::naming::shown;

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why nothing was generated: every problem that was found, in the order of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    problems: Vec<Problem>,
}

impl Error {
    /// Returns the problems; there is at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Fails if there are any `problems`.
    pub(crate) fn check(problems: Vec<Problem>) -> Result<()> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }

    /// Returns the error of a file that cannot be read or written.
    pub(crate) fn file(path: impl Into<PathBuf>, error: &std::io::Error) -> Self {
        Problem::File { path: path.into(), message: error.to_string() }.into()
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Where something stands in a catalogue; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLocation {
    /// The name of the file, as it was given.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A catalogue that cannot be read.
    #[error("{place}: {message}")]
    Catalogue {
        /// Where.
        place: SourceLocation,
        /// What is wrong and what to write instead.
        message: String,
    },
    /// Metadata that cannot be read.
    #[error("metadata: {0}")]
    Metadata(String),
    /// The schema of an app that cannot be read.
    #[error("schema: {0}")]
    Schema(String),
    /// The schema of an app of which no Rust can be made.
    #[error("app `{}`, {place}: {message}", shown(.app))]
    App {
        /// The app.
        app: String,
        /// The event, or the type and the field.
        place: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// No locator answers, or the one that does lacks a service.
    #[error("{0}")]
    Locator(String),
    /// A service whose graph is beyond what a runtime can send.
    #[error("service `{}`, method `{}`: {message}", shown(.service), shown(.method))]
    Graph {
        /// The service.
        service: String,
        /// The method.
        method: String,
        /// What is wrong.
        message: String,
    },
    /// The catalogue and the graph describe a method differently.
    #[error(
        "service `{}`, method `{}`: the catalogue ({place}) says that {catalogue}, the graph that {graph}; \
         correct the catalogue, or describe this version with `--catalogue FILE`",
        shown(.service), shown(.method)
    )]
    Disagreement {
        /// The service.
        service: String,
        /// The method.
        method: String,
        /// Where the catalogue describes it.
        place: SourceLocation,
        /// What the catalogue says.
        catalogue: String,
        /// What the graph says.
        graph: String,
    },
    /// What should name a module: that of the bindings that doubles are for, or that of types.
    #[error("`{}` is no path of a module: write one from `crate::` or `::`, such as `crate::bindings`", shown(.0))]
    Path(String),
    /// Options that do not go together.
    #[error("{0}")]
    Options(String),
    /// Warnings are not wanted.
    #[error("{0} (a warning, but warnings are errors here)")]
    Warning(Warning),
    /// A file that cannot be read or written.
    #[error("{}: {message}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        message: String,
    },
}

/// Something that generates, but not as well as it could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The service.
    pub service: String,
    /// The method, where it is about one.
    pub method: Option<String>,
    /// What is missing and what to do.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service `{}`", shown(&self.service))?;
        if let Some(method) = &self.method {
            write!(f, ", method `{}`", shown(method))?;
        }
        write!(f, ": {}", self.message)
    }
}
