//! A `tracing` layer that sends the node's own events to the log.

use std::fmt::{self, Write};

use cocaine::{Scalar, Severity};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

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

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let severity = match *event.metadata().level() {
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warning,
            Level::INFO => Severity::Info,
            _ => Severity::Debug,
        };
        let mut record = LogRecord::new(severity, event.metadata().target(), "");
        event.record(&mut FieldVisitor(&mut record));
        self.0.write(record);
    }
}

struct FieldVisitor<'a>(&'a mut LogRecord);

impl FieldVisitor<'_> {
    fn add(&mut self, field: &Field, value: Scalar) {
        self.0.attributes.push((field.name().to_owned(), value));
    }
}

impl Visit for FieldVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.0.message, "{value:?}");
        } else {
            self.add(field, format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.message.push_str(value);
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
