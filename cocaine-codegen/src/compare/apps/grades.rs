//! How much a difference between two schemas of an app matters, and to whom.

use std::fmt;

use serde::Serialize;

/// How much a difference between two schemas of an app matters. The worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AppGrade {
    /// A call would fail, or be misread.
    Wire,
    /// A page, or another client of the gateway, would break: there, names and the forms of values in JSON matter, too.
    Json,
    /// The generated Rust is another.
    Source,
    /// Nothing but documentation and the order of names.
    None,
}

/// Which callers a difference matters to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AppDirection {
    /// Old callers with the new app, and new ones with the old app.
    Both,
    /// Old callers, with the new app.
    Backward,
    /// New callers, with the old app.
    Forward,
}

impl AppGrade {
    /// All grades, the worst first.
    pub const ALL: [Self; 4] = [Self::Wire, Self::Json, Self::Source, Self::None];
}

impl fmt::Display for AppGrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wire => "wire",
            Self::Json => "json",
            Self::Source => "source",
            Self::None => "none",
        })
    }
}

impl fmt::Display for AppDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "both",
            Self::Backward => "backward",
            Self::Forward => "forward",
        })
    }
}
