//! The two formats of values: arguments, which the original runtime reads too, and payloads, which apps exchange.

/// The format of a value, which decides how it is written and what is accepted for it.
pub(crate) trait Format {
    /// Whether the value is a payload.
    ///
    /// In a payload a struct is a map of its fields by name, so that a type can grow, and other languages can read it; an
    /// integer is accepted for a float, and raw bytes for a sequence of `u8`. In arguments a struct is an array, as the
    /// original's tuples are, and nothing is converted.
    const IS_PAYLOAD: bool;
}

/// The format of arguments (`protocol.md` 3).
#[derive(Debug)]
pub(crate) enum ArgumentFormat {}

impl Format for ArgumentFormat {
    const IS_PAYLOAD: bool = false;
}

/// The format of payloads (`protocol.md` 3.4).
#[derive(Debug)]
pub(crate) enum PayloadFormat {}

impl Format for PayloadFormat {
    const IS_PAYLOAD: bool = true;
}
