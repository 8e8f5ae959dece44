//! How much the service keeps, beside the limits of each connection.

/// Bytes of an encoded value.
pub(super) const VALUE: usize = 1 << 20;

/// What an event costs a subscriber who has yet to read it, beside the value's bytes.
pub(super) const EVENT: usize = 64;
