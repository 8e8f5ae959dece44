//! A table above the lines that scroll, on a terminal.
//!
//! The region of the terminal that scrolls begins below the table. The cursor stays in it, so that whatever prints lines needs to
//! know nothing of the table.

use std::io::{self, Write as _};

use rustix::termios::tcgetwinsize;

use crate::output::{Colors, Style};

/// How many lines have to be left for what scrolls.
const MIN_SCROLLING: u16 = 5;

/// The table. Dropping this gives the whole terminal back.
#[derive(Debug)]
pub(super) struct TopTable {
    rows: Vec<(Style, String)>,
    colors: Colors,
    /// The lines of the terminal; `None` if it is too small for a table.
    lines: Option<u16>,
}

impl TopTable {
    /// Makes room for so many rows.
    pub(super) fn new(rows: usize, colors: Colors) -> Self {
        let rows = vec![(Style::Plain, String::new()); rows];
        let mut table = Self { rows, colors, lines: None };
        table.resize();
        table
    }

    /// Draws these rows.
    pub(super) fn draw(&mut self, rows: Vec<(Style, String)>) {
        if self.rows != rows {
            self.rows = rows;
            write(&self.drawing());
        }
    }

    /// Finds out the size of the terminal, and draws the table.
    pub(super) fn resize(&mut self) {
        let size = tcgetwinsize(io::stdout()).ok().map(|size| size.ws_row);
        let height = self.height();
        self.lines = size.filter(|lines| *lines >= height.saturating_add(MIN_SCROLLING));
        write(&match self.lines {
            // The region moves the cursor; it belongs to its end.
            Some(lines) => format!("{}{}", region(height, lines), self.drawing()),
            None => "\x1b[r".to_owned(),
        });
    }

    /// The rows and a line below them.
    fn height(&self) -> u16 {
        u16::try_from(self.rows.len() + 1).unwrap_or(u16::MAX)
    }

    /// Returns what draws the table and leaves the cursor where it is. A row that is too long is cut by the terminal.
    fn drawing(&self) -> String {
        if self.lines.is_none() {
            return String::new();
        }
        let rows = self.rows.iter().enumerate().map(|(index, (style, text))| {
            format!("\x1b[{};1H\x1b[2K{}", index + 1, self.colors.paint(*style, text))
        });
        let rows: String = rows.collect();
        format!("\x1b7\x1b[?7l{rows}\x1b[{};1H\x1b[2K\x1b[?7h\x1b8", self.height())
    }
}

impl Drop for TopTable {
    fn drop(&mut self) {
        if let Some(lines) = self.lines {
            write(&format!("\x1b[r\x1b[{lines};1H"));
        }
    }
}

/// Returns what makes the lines below `height` scroll, with the cursor in the last one, once what was there has moved up.
fn region(height: u16, lines: u16) -> String {
    let scrolled = "\n".repeat(height.into());
    format!("\x1b[r\x1b[{lines};1H{scrolled}\x1b[{};{lines}r\x1b[{lines};1H", height + 1)
}

fn write(text: &str) {
    let mut out = io::stdout().lock();
    // A terminal that is gone shows nothing.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_returns_to_the_cursor() {
        let row = |text: &str| (Style::Plain, text.to_owned());
        let mut table = TopTable { rows: vec![row("a"), row("b")], colors: Colors::NONE, lines: Some(24) };
        let expected = "\x1b7\x1b[?7l\x1b[1;1H\x1b[2Ka\x1b[2;1H\x1b[2Kb\x1b[3;1H\x1b[2K\x1b[?7h\x1b8";
        assert_eq!(table.drawing(), expected);
        table.lines = None;
        assert_eq!(table.drawing(), "");
    }

    #[test]
    fn region_begins_below_the_table() {
        assert_eq!(region(3, 24), "\x1b[r\x1b[24;1H\n\n\n\x1b[4;24r\x1b[24;1H");
    }
}
