//! The layer.

use std::{cell::Cell, thread, time::Duration};

use tokio::time::timeout;
use tracing::{
    Event, Level, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, Scope, SpanRef},
};

use super::{
    fields::FieldVisitor,
    queue::{EventQueue, LogEvent, event_queue},
    sender::LogSender,
};
use crate::{
    client::Client,
    protocol::{
        error::{Error, ErrorKind, Result},
        scalar::Scalar,
        severity::Severity,
        trace::Trace,
    },
};

thread_local! {
    /// Whether this thread sends events: what is logged on it is not sent.
    static IS_SENDER: Cell<bool> = const { Cell::new(false) };
}

/// The target of the events of this crate, which are not sent: sending causes some.
const OWN_TARGET: &str = "cocaine";

/// A `tracing` layer that sends events to the service `logging` of a cloud.
///
/// `ERROR`, `WARN` and `INFO` are the severities 3, 2 and 1, `DEBUG` and `TRACE` are 0. By default `INFO` and above are sent
/// ([`LoggingLayer::max_level`]). The attributes of a message are the fields of the event and of the spans around it, and
///
/// | attribute | |
/// |---|---|
/// | `target` | the target of the event, by default the path of its module |
/// | `span` | the names of the spans around it, from the outermost on, joined by colons |
/// | `trace_id`, `span_id`, `parent_id` | [`Trace::current`], as 16 hexadecimal digits: in a handler that is the trace of its event, also if it is pending meanwhile, but not in tasks that it spawns |
///
/// Texts above 16 KiB are cut, and attributes beyond the 64th are left out. Events of this crate itself are not sent.
///
/// Logging never blocks. Events go through a queue of 8192 events and 4 MiB to a thread of their own, which connects again as often
/// as it must. Events that find the queue full, or that were under way when a connection broke, are lost; their number
/// ([`LoggingLayer::lost`]) is logged as a warning. None is sent twice.
#[derive(Clone, Debug)]
pub struct LoggingLayer {
    queue: EventQueue,
    max_level: LevelFilter,
}

impl LoggingLayer {
    /// Starts the thread that sends events to `logging` of the client's cloud. They have this source, by convention `app/` and
    /// the app's name.
    ///
    /// Nothing needs a runtime, and no cloud needs to be there yet. Workers have [`Worker::logging_layer`](crate::Worker::logging_layer).
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(client: &Client, source: impl Into<String>) -> Result<Self> {
        let (queue, receiver) = event_queue();
        let sender = LogSender::new(receiver, client, source.into());
        let run = move || {
            IS_SENDER.set(true);
            sender.run();
        };
        let started = thread::Builder::new().name("cocaine-log".to_owned()).spawn(run);
        started.map_err(|error| Error::config(format!("cannot start the thread that logs: {error}")))?;
        Ok(Self { queue, max_level: LevelFilter::INFO })
    }

    /// Sets the most verbose level that is sent.
    #[must_use]
    pub fn max_level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.max_level = level.into();
        self
    }

    /// Waits until the events so far have arrived or are lost, or until the time is over.
    ///
    /// [`Worker::serve`](crate::Worker::serve) does so for the layer of the worker.
    ///
    /// # Errors
    /// `ErrorKind::Deadline` if they have not arrived in time.
    pub async fn flush(&self, limit: Duration) -> Result<()> {
        let flushed = timeout(limit, self.queue.flush()).await;
        flushed.map_err(|_| Error::new(ErrorKind::Deadline(limit)))
    }

    /// Returns how many events were lost so far.
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }

    fn is_sent(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.max_level && !is_own(metadata) && !IS_SENDER.get()
    }
}

/// Returns whether something comes from this crate.
fn is_own(metadata: &Metadata<'_>) -> bool {
    let rest = metadata.target().strip_prefix(OWN_TARGET);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The fields of a span, which every event within it has.
struct SpanFields(FieldVisitor);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LoggingLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if !is_own(span.metadata()) {
            let mut fields = FieldVisitor::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(SpanFields(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(SpanFields(fields)) = span.extensions_mut().get_mut() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if !self.is_sent(metadata) {
            return;
        }
        // The event's own fields come last, and replace those of spans.
        let mut fields = FieldVisitor::default();
        let mut names = String::new();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            add_span(&span, &mut names, &mut fields);
        }
        event.record(&mut fields);
        fields.add("target", metadata.target().into());
        if !names.is_empty() {
            fields.add("span", names.as_str().into());
        }
        let trace = Trace::current();
        if let Some(trace) = trace {
            for (name, id) in ["trace_id", "span_id", "parent_id"].into_iter().zip(trace.ids()) {
                fields.add(name, Scalar::from(format!("{id:016x}").as_str()));
            }
        }
        let FieldVisitor { message, attributes } = fields;
        self.queue.push(LogEvent { severity: severity(*metadata.level()), message, attributes, trace });
    }
}

/// Adds the name of a span and its fields.
fn add_span<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>, names: &mut String, fields: &mut FieldVisitor) {
    let extensions = span.extensions();
    let Some(SpanFields(own)) = extensions.get() else { return };
    if !names.is_empty() {
        names.push(':');
    }
    names.push_str(span.name());
    for (name, value) in &own.attributes {
        fields.add(name, value.clone());
    }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warning,
        Level::INFO => Severity::Info,
        _ => Severity::Debug,
    }
}
