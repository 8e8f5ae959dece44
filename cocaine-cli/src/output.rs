//! Results on standard output, in the format that was asked for, and everything else on standard error.

mod format;
mod style;
mod text;

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{Cell, ContentArrangement, Table, presets};
use rustix::termios::tcgetwinsize;
use serde::Serialize;

use crate::error::{Error, Result};

pub use format::Format;
pub(crate) use style::{Colors, Style};
use text::printable_lines;
pub(crate) use text::{printable, printable_json};

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
            Format::Table => self.line(&table(R::COLUMNS, rows.iter().map(cells), self.colors)),
            Format::Json => self.json(&rows),
            Format::Jsonl | Format::Plain => rows.iter().try_for_each(|row| self.row(row)),
        }
    }

    /// Prints one row of a result that comes piece by piece, without headings.
    pub(crate) fn row<R: Row>(self, row: &R) -> Result<()> {
        match self.format {
            Format::Json | Format::Jsonl => self.line(&json_text(row)?),
            Format::Table => {
                let cells = styled(row);
                let texts: Vec<_> =
                    cells.map(|(style, text)| self.colors.paint(style, &printable(&text))).collect();
                self.line(&texts.join("  "))
            }
            Format::Plain => self.line(&sanitized(row).join("\t")),
        }
    }

    /// Prints a result that is one row: in a table each column is a line of its own.
    pub(crate) fn record<R: Row>(self, row: &R) -> Result<()> {
        match self.format {
            Format::Table => {
                let lines = R::COLUMNS.iter().zip(cells(row));
                let lines = lines.map(|(name, cell)| vec![Style::Heading.cell(name), cell]);
                self.line(&table(&[], lines, self.colors))
            }
            Format::Json => self.json(row),
            Format::Jsonl | Format::Plain => self.row(row),
        }
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
        let _ = writeln!(io::stderr().lock(), "{}", printable_lines(&text.to_string()));
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
    let mut err = io::stderr().lock();
    let word = Colors::of(&err).paint(style, &format!("{word}:"));
    let _ = writeln!(err, "{word} {}", printable_lines(text));
}

fn json_text(value: &impl Serialize) -> Result<String> {
    Ok(printable_json(&serde_json::to_string(value).map_err(io::Error::from)?))
}

fn sanitized(row: &impl Row) -> Vec<String> {
    row.cells().iter().map(|cell| printable(cell)).collect()
}

fn styled(row: &impl Row) -> impl Iterator<Item = (Style, String)> {
    row.cells().into_iter().enumerate().map(|(column, text)| (row.style(column), text))
}

/// Returns the cells of a table for a row.
fn cells(row: &impl Row) -> Vec<Cell> {
    styled(row).map(|(style, text)| style.cell(&printable(&text))).collect()
}

/// Returns how many columns the terminal of standard output has.
fn terminal_width() -> Option<u16> {
    let out = io::stdout();
    let size = out.is_terminal().then(|| tcgetwinsize(out).ok()).flatten()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

/// Draws a table without lines. On a terminal it is as wide as that, and cells are wrapped.
fn table(headings: &[&str], rows: impl Iterator<Item = Vec<Cell>>, colors: Colors) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    if let Some(width) = terminal_width() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    if colors.is_colored() {
        table.enforce_styling();
    }
    if !headings.is_empty() {
        table.set_header(headings.iter().map(|heading| Style::Heading.cell(&heading.to_uppercase())));
    }
    for row in rows {
        table.add_row(row);
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
        let rows = [["a", "1"], ["longer", "22"]].map(|row| row.map(Cell::new).to_vec());
        let text = table(&["name", "size"], rows.into_iter(), Colors::NONE);
        assert_eq!(text, "NAME    SIZE\na       1\nlonger  22");
    }

    #[test]
    fn json_escapes_what_controls_terminals() {
        let text = json_text(&"a\u{1b}\u{9b}2J\u{202e}é").unwrap();
        assert_eq!(text, "\"a\\u001b\\u009b2J\\u202eé\"");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "a\u{1b}\u{9b}2J\u{202e}é");
    }

    #[test]
    fn tables_show_control_characters_as_escapes() {
        #[derive(Serialize)]
        struct Text;
        impl Row for Text {
            const COLUMNS: &'static [&'static str] = &["text"];
            fn cells(&self) -> Vec<String> {
                vec!["a\x1b[2Jb".to_owned()]
            }
        }
        assert_eq!(table(&[], [cells(&Text)].into_iter(), Colors::NONE), "a\\u{1b}[2Jb");
    }
}
