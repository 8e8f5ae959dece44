//! A `tracing` layer that sends the node's own events to the log.

use std::fmt::{self, Write};

use cocaine::{Scalar, Severity};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{Log, LogRecord};

/// Sends `tracing` events to a [`Log`]. Use it with a level filter.
#[derive(Clone, Debug)]
pub struct LogLayer(Log);

impl LogLayer {
    /// Returns a layer that sends to `log`.
    pub fn new(log: Log) -> Self {
        Self(log)
    }
}

/// The fields of a span, which every event within it has.
struct SpanFields(Vec<(String, Scalar)>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Vec::new();
        attributes.record(&mut FieldVisitor { message: &mut String::new(), fields: &mut fields });
        span.extensions_mut().insert(SpanFields(fields));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let severity = match *event.metadata().level() {
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warning,
            Level::INFO => Severity::Info,
            _ => Severity::Debug,
        };
        let mut record = LogRecord::new(severity, event.metadata().target(), "");
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(SpanFields(fields)) = span.extensions().get() {
                record.attributes.extend_from_slice(fields);
            }
        }
        event.record(&mut FieldVisitor { message: &mut record.message, fields: &mut record.attributes });
        self.0.write(record);
    }
}

struct FieldVisitor<'a> {
    message: &'a mut String,
    fields: &'a mut Vec<(String, Scalar)>,
}

impl FieldVisitor<'_> {
    fn add(&mut self, field: &Field, value: Scalar) {
        self.fields.push((field.name().to_owned(), value));
    }
}

impl Visit for FieldVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.add(field, format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.add(field, value.into());
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, value.to_string().into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}
