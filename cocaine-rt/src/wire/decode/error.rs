//! The error of decoding.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// The reason why bytes cannot be decoded, with the argument and the position.
pub(crate) struct DecodeError(Box<Detail>);

struct Detail {
    reason: String,
    /// Where the invalid value starts.
    at: Option<usize>,
    /// The number of the invalid argument, counted from 1.
    argument: Option<usize>,
    /// Whether the value takes more memory than it may.
    over_budget: bool,
}

impl DecodeError {
    #[cold]
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(Box::new(Detail { reason: reason.into(), at: None, argument: None, over_budget: false }))
    }

    /// Returns the error of a value that takes more than `limit` bytes beyond its encoding.
    #[cold]
    pub(super) fn over_budget(limit: usize) -> Self {
        let mut error = Self::new(format!(
            "the value takes more than {limit} bytes of memory beyond its encoding (max_decoded_bytes)"
        ));
        error.0.over_budget = true;
        error
    }

    /// Returns whether the value takes more memory than it may.
    pub(crate) fn is_over_budget(&self) -> bool {
        self.0.over_budget
    }

    #[cold]
    pub(super) fn mismatch(expected: &str, found: &str, at: usize) -> Self {
        Self::new(format!("expected {expected}, found {found}")).at(at)
    }

    /// Sets the position, unless it is set: the innermost value wins.
    #[cold]
    pub(super) fn at(mut self, at: usize) -> Self {
        self.0.at.get_or_insert(at);
        self
    }

    /// Sets the argument, unless it is set.
    #[cold]
    pub(super) fn argument(mut self, index: usize) -> Self {
        self.0.argument.get_or_insert(index);
        self
    }

    /// Returns the error for a missing argument.
    #[cold]
    pub(super) fn missing(index: usize, of: usize) -> Self {
        let mut missing = Self::new(format!("argument {index} of {of} is missing"));
        missing.0.argument = Some(0);
        missing
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(argument @ 1..) = self.0.argument {
            write!(f, "argument {argument}: ")?;
        }
        f.write_str(&self.0.reason)?;
        match self.0.at {
            Some(at) => write!(f, " at byte {at}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::new(text.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {}", name(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {found}"))
    }

    fn invalid_length(len: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {len} elements"))
    }
}

fn name(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a float",
        Unexpected::Char(_) | Unexpected::Str(_) => "a text",
        Unexpected::Bytes(_) => "bytes that are not UTF-8",
        Unexpected::Unit | Unexpected::Option => "nil",
        Unexpected::Seq => "an array",
        Unexpected::Map => "a map",
        _ => "something else",
    }
}
