//! Why a value cannot be written.

use std::fmt::{self, Display};

use serde::ser;

/// Why a value cannot be encoded, in words.
#[derive(Debug)]
pub(crate) struct EncodeError(Box<str>);

impl EncodeError {
    #[cold]
    pub(super) fn new(reason: &str) -> Self {
        Self(reason.into())
    }

    /// Returns the reason.
    pub(crate) fn into_reason(self) -> Box<str> {
        self.0
    }
}

impl Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EncodeError {}

impl ser::Error for EncodeError {
    #[cold]
    fn custom<T: Display>(reason: T) -> Self {
        Self(reason.to_string().into())
    }
}
