//! Lines of a log that belong to one request.

pub(crate) mod file;
pub(crate) mod request;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    log_lines::LineRow,
    output::{Row, Style},
};

/// A line of a request, and how much later it is than the first one.
#[derive(Debug, Serialize)]
pub(crate) struct TraceRow {
    /// In milliseconds; `None` for a line without a time.
    offset_ms: Option<f64>,
    #[serde(flatten)]
    line: LineRow,
}

/// When a request began, as far as its lines say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beginning(Option<Timestamp>);

impl Beginning {
    /// Returns a line with its offset. The first one with a time is the beginning.
    pub(crate) fn row(&mut self, line: LineRow) -> TraceRow {
        let time = time(&line);
        let first = time.map(|time| *self.0.get_or_insert(time));
        let micros = time.zip(first).map(|(time, first)| time.as_microsecond() - first.as_microsecond());
        #[expect(clippy::cast_precision_loss, reason = "offsets are not that long")]
        let offset_ms = micros.map(|micros| micros as f64 / 1000.0);
        TraceRow { offset_ms, line }
    }
}

/// Sorts lines by their times, those without one first, and returns them with their offsets.
pub(crate) fn rows(mut lines: Vec<LineRow>) -> Vec<TraceRow> {
    lines.sort_by_cached_key(time);
    let mut beginning = Beginning::default();
    lines.into_iter().map(|line| beginning.row(line)).collect()
}

fn time(line: &LineRow) -> Option<Timestamp> {
    line.time.parse().ok()
}

impl Row for TraceRow {
    const COLUMNS: &'static [&'static str] = &["offset", "time", "level", "source", "worker", "message"];

    fn cells(&self) -> Vec<String> {
        let offset = self.offset_ms.map_or_else(|| "-".to_owned(), |offset| format!("{offset:+.3} ms"));
        std::iter::once(offset).chain(self.line.cells()).collect()
    }

    fn style(&self, column: usize) -> Style {
        column.checked_sub(1).map_or(Style::Plain, |column| self.line.style(column))
    }
}
