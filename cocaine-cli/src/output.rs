//! Results on standard output, in the format that was asked for, and everything else on standard error.

mod format;
mod progress;
mod progress_line;
mod style;
mod table;
mod text;
mod width;

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::error::{Error, Result};

pub use format::Format;
pub(crate) use progress::Progress;
use progress::suspended;
pub(crate) use style::{Colors, Style};
use table::{TableLayout, styled};
use text::printable_lines;
pub(crate) use text::{printable, printable_json, size};
use width::terminal_width;

/// A value that can be a line of a table.
pub(crate) trait Row: Serialize {
    /// The headings of the columns.
    const COLUMNS: &'static [&'static str];

    /// Returns the texts of the columns, in their order.
    fn cells(&self) -> Vec<String>;

    /// Returns how the text of a column looks on a terminal.
    fn style(&self, _column: usize) -> Style {
        Style::Plain
    }
}

/// Where results go, and how they look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    /// Whether tables have colours.
    colors: Colors,
}

#[expect(
    clippy::unused_self,
    reason = "where a text goes is a matter of the output, though it is always a standard stream"
)]
impl Output {
    pub(crate) fn new(format: Format) -> Self {
        let colors = if format == Format::Table { Colors::of(&io::stdout()) } else { Colors::NONE };
        Self { format, colors }
    }

    pub(crate) fn format(self) -> Format {
        self.format
    }

    /// Prints all rows of a result: a table with headings, one JSON array, a JSON text a line, or a line of cells, separated by
    /// tabs, for each.
    pub(crate) fn rows<R: Row>(self, rows: &[R]) -> Result<()> {
        match self.format {
            Format::Table if rows.is_empty() => Ok(()),
            Format::Table => self.line(&self.table().draw_rows(rows)),
            Format::Json => self.json(&rows),
            Format::Jsonl | Format::Plain => rows.iter().try_for_each(|row| self.row(row)),
        }
    }

    /// Prints one row of a result that comes piece by piece, without headings.
    pub(crate) fn row<R: Row>(self, row: &R) -> Result<()> {
        match self.format {
            Format::Json | Format::Jsonl => self.line(&json_text(row)?),
            Format::Table => {
                let texts: Vec<_> =
                    styled(row).map(|(style, text)| self.colors.paint(style, &text)).collect();
                self.line(&texts.join("  "))
            }
            Format::Plain => {
                let texts: Vec<_> = styled(row).map(|(_, text)| text).collect();
                self.line(&texts.join("\t"))
            }
        }
    }

    /// Prints a result that is one row: in a table each column is a line of its own.
    pub(crate) fn record<R: Row>(self, row: &R) -> Result<()> {
        match self.format {
            Format::Table => self.line(&self.table().draw_record(row)),
            Format::Json => self.json(row),
            Format::Jsonl | Format::Plain => self.row(row),
        }
    }

    fn table(self) -> TableLayout {
        TableLayout { width: terminal_width(&io::stdout()), colors: self.colors }
    }

    /// Prints a value as indented JSON.
    pub(crate) fn json(self, value: &(impl Serialize + ?Sized)) -> Result<()> {
        self.line(&printable_json(&serde_json::to_string_pretty(value).map_err(io::Error::from)?))
    }

    /// Prints a value as one line of JSON.
    pub(crate) fn json_line(self, value: &impl Serialize) -> Result<()> {
        self.line(&json_text(value)?)
    }

    /// Prints a text and a line feed. Whatever comes from the cloud is to be [`printable`].
    pub(crate) fn line(self, text: &str) -> Result<()> {
        suspended(|| {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            Ok(out.write_all(b"\n")?)
        })
    }

    /// Prints a text of any number of lines, and a line feed. On a terminal its control characters are escapes.
    pub(crate) fn text(self, text: &str) -> Result<()> {
        if !io::stdout().is_terminal() {
            return self.line(text);
        }
        text.split('\n').try_for_each(|line| self.line(&printable(line)))
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<()> {
        suspended(|| {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            Ok(out.flush()?)
        })
    }

    /// Replaces the last line of a terminal on standard error, or removes it.
    pub(crate) fn progress(self, text: Option<&str>) {
        let mut err = io::stderr().lock();
        if err.is_terminal() {
            let _ = write!(err, "\r\x1b[K{}", printable(text.unwrap_or_default()));
            let _ = err.flush();
        }
    }

    /// Says something that is no result, on standard error. It may have names and texts from the cloud.
    pub(crate) fn note(self, text: impl std::fmt::Display) {
        let text = printable_lines(&text.to_string());
        let _ = suspended(|| writeln!(io::stderr().lock(), "{text}"));
    }

    /// Says what may have colours, on standard error. It is to be [`printable`] but for them.
    pub(crate) fn styled_note(self, text: &str) {
        let _ = suspended(|| writeln!(io::stderr().lock(), "{text}"));
    }

    /// Warns of something on standard error.
    pub(crate) fn warn(self, text: impl std::fmt::Display) {
        say(Style::Warning, "warning", &text.to_string());
    }
}

/// Says on standard error why a command has failed, and what to do.
pub fn print_error(error: &Error) {
    say(Style::Failed, "error", &error.to_string());
    if let Some(hint) = error.hint() {
        say(Style::Good, "hint", hint);
    }
}

/// Writes a line that begins with a word and a colon.
fn say(style: Style, word: &str, text: &str) {
    let word = Colors::of(&io::stderr()).paint(style, &format!("{word}:"));
    let _ = suspended(|| writeln!(io::stderr().lock(), "{word} {}", printable_lines(text)));
}

fn json_text(value: &impl Serialize) -> Result<String> {
    Ok(printable_json(&serde_json::to_string(value).map_err(io::Error::from)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_escapes_what_controls_terminals() {
        let text = json_text(&"a\u{1b}\u{9b}2J\u{202e}é").unwrap();
        assert_eq!(text, "\"a\\u001b\\u009b2J\\u202eé\"");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "a\u{1b}\u{9b}2J\u{202e}é");
    }
}
