//! The fields of events and spans, as attributes.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

use crate::protocol::scalar::Scalar;

/// The longest message and the longest text of an attribute, in bytes. Longer ones are cut.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// The most attributes of an event; further ones are left out.
const MAX_ATTRIBUTES: usize = 64;

/// The attributes and the message of an event, or of a span, which has no message.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldVisitor {
    pub(super) message: String,
    pub(super) attributes: Vec<(String, Scalar)>,
}

impl FieldVisitor {
    /// Adds an attribute, or replaces the value of one that a span had when it began.
    pub(super) fn add(&mut self, name: &str, value: Scalar) {
        if let Some((_, known)) = self.attributes.iter_mut().find(|(known, _)| known == name) {
            *known = value;
        } else if self.attributes.len() < MAX_ATTRIBUTES {
            self.attributes.push((name.to_owned(), value));
        }
    }
}

impl Visit for FieldVisitor {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = BoundedText(String::new());
        // Fails only if the text is cut.
        let _ = write!(text, "{value:?}");
        if field.name() == "message" {
            self.message = text.0;
        } else {
            self.add(field.name(), Scalar::from(text.0.as_str()));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = &value[..value.floor_char_boundary(MAX_TEXT_BYTES)];
        if field.name() == "message" {
            text.clone_into(&mut self.message);
        } else {
            self.add(field.name(), Scalar::from(text));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value.into());
    }
}

/// A text that refuses to grow beyond its limit.
struct BoundedText(String);

impl Write for BoundedText {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let left = MAX_TEXT_BYTES.saturating_sub(self.0.len());
        self.0.push_str(&part[..part.floor_char_boundary(left)]);
        if part.len() > left { Err(fmt::Error) } else { Ok(()) }
    }
}
