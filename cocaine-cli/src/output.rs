//! Results on standard output, in the format that was asked for, and everything else on standard error.

mod format;
mod text;

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use rustix::termios::tcgetwinsize;
use serde::Serialize;

use crate::error::Result;

pub use format::Format;
pub(crate) use text::printable;
pub use text::printable_lines;

/// A value that can be a line of a table.
pub(crate) trait Row: Serialize {
    /// The headings of the columns.
    const COLUMNS: &'static [&'static str];

    /// Returns the texts of the columns, in their order.
    fn cells(&self) -> Vec<String>;
}

/// Where results go, and how they look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
}

#[expect(
    clippy::unused_self,
    reason = "where a text goes is a matter of the output, though it is always a standard stream"
)]
impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    pub(crate) fn format(self) -> Format {
        self.format
    }

    /// Prints all rows of a result: a table with headings, one JSON array, a JSON text a line, or a line of cells, separated by
    /// tabs, for each.
    pub(crate) fn rows<R: Row>(self, rows: &[R]) -> Result<()> {
        match self.format {
            Format::Table if rows.is_empty() => Ok(()),
            Format::Table => self.line(&table(R::COLUMNS, rows.iter().map(Row::cells))),
            Format::Json => self.json(&rows),
            Format::Jsonl | Format::Plain => rows.iter().try_for_each(|row| self.row(row)),
        }
    }

    /// Prints one row of a result that comes piece by piece, without headings.
    pub(crate) fn row<R: Row>(self, row: &R) -> Result<()> {
        match self.format {
            Format::Json | Format::Jsonl => self.line(&json_text(row)?),
            Format::Table => self.line(&sanitized(row).join("  ")),
            Format::Plain => self.line(&sanitized(row).join("\t")),
        }
    }

    /// Prints a result that is one row: in a table each column is a line of its own.
    pub(crate) fn record<R: Row>(self, row: &R) -> Result<()> {
        match self.format {
            Format::Table => {
                let lines =
                    R::COLUMNS.iter().zip(row.cells()).map(|(name, cell)| vec![(*name).to_owned(), cell]);
                self.line(&table(&[], lines))
            }
            Format::Json => self.json(row),
            Format::Jsonl | Format::Plain => self.row(row),
        }
    }

    /// Prints a value as indented JSON.
    pub(crate) fn json(self, value: &(impl Serialize + ?Sized)) -> Result<()> {
        self.line(&serde_json::to_string_pretty(value).map_err(io::Error::from)?)
    }

    /// Prints a value as one line of JSON.
    pub(crate) fn json_line(self, value: &impl Serialize) -> Result<()> {
        self.line(&json_text(value)?)
    }

    /// Prints a text and a line feed. Whatever comes from the cloud is to be [`printable`].
    pub(crate) fn line(self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.write_all(b"\n")?)
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
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Says something that is no result, on standard error. It may have names and texts from the cloud.
    pub(crate) fn note(self, text: impl std::fmt::Display) {
        let _ = writeln!(io::stderr().lock(), "{}", printable_lines(&text.to_string()));
    }
}

fn json_text(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value).map_err(io::Error::from)?)
}

fn sanitized(row: &impl Row) -> Vec<String> {
    row.cells().iter().map(|cell| printable(cell)).collect()
}

/// Returns how many columns the terminal of standard output has.
fn terminal_width() -> Option<u16> {
    let out = io::stdout();
    let size = out.is_terminal().then(|| tcgetwinsize(out).ok()).flatten()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

/// Draws a table without lines. On a terminal it is as wide as that, and cells are wrapped.
fn table(headings: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if let Some(width) = terminal_width() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    if !headings.is_empty() {
        table.set_header(headings.iter().map(|heading| heading.to_uppercase()));
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_headings_and_no_lines() {
        let rows = [["a", "1"], ["longer", "22"]].map(|row| row.map(str::to_owned).to_vec());
        let text = table(&["name", "size"], rows.into_iter());
        assert_eq!(text, "NAME    SIZE\na       1\nlonger  22");
    }

    #[test]
    fn tables_show_control_characters_as_escapes() {
        let text = table(&[], [vec!["a\x1b[2Jb".to_owned()]].into_iter());
        assert_eq!(text, "a\\u{1b}[2Jb");
    }
}
