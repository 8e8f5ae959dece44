//! Tables for people: without lines, as wide as the terminal.

use comfy_table::{Cell, ContentArrangement, Table, presets};

use super::{
    Row,
    style::{Colors, Style},
    text::printable,
};

/// The space between two columns.
const GAP: u16 = 2;
/// A column for which there is less room, on the average, is not readable.
const MIN_COLUMN: u16 = 10;

/// How wide tables may be, and whether they have colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableLayout {
    /// The columns of the terminal.
    pub(super) width: Option<u16>,
    pub(super) colors: Colors,
}

impl TableLayout {
    /// Draws rows below their headings. What does not fit is wrapped; in a terminal that is too narrow for that, each row is drawn as a
    /// record.
    pub(super) fn draw_rows<R: Row>(self, rows: &[R]) -> String {
        let mut table = Table::new();
        table.set_header(R::COLUMNS.iter().map(|heading| Style::Heading.cell(&heading.to_uppercase())));
        table.add_rows(rows.iter().map(cells));
        let columns = u16::try_from(R::COLUMNS.len()).unwrap_or(u16::MAX);
        let is_narrow = self.width.is_some_and(|width| width / columns < MIN_COLUMN);
        if is_narrow && self.overflows(&table) {
            let records: Vec<_> = rows.iter().map(|row| self.draw_record(row)).collect();
            return records.join("\n\n");
        }
        self.draw(table)
    }

    /// Draws a row: each column is a line.
    pub(super) fn draw_record<R: Row>(self, row: &R) -> String {
        let mut table = Table::new();
        let lines = R::COLUMNS.iter().zip(cells(row));
        table.add_rows(lines.map(|(name, cell)| [Style::Heading.cell(name), cell]));
        self.draw(table)
    }

    /// Returns whether a table is wider than the terminal.
    fn overflows(self, table: &Table) -> bool {
        let widths = table.column_max_content_widths();
        let needed: u32 = widths.iter().map(|width| u32::from(width + GAP)).sum();
        self.width.is_some_and(|width| needed > u32::from(width + GAP))
    }

    fn draw(self, mut table: Table) -> String {
        table.load_style(presets::NOTHING).force_no_tty();
        let overflows = self.overflows(&table);
        if let Some(width) = self.width.filter(|_| overflows) {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        if self.colors.is_colored() {
            table.enforce_styling();
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        if let Some(last) = table.column_iter_mut().last() {
            last.set_padding((0, 0));
        }
        let text = table.to_string();
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}

/// Returns the texts of the columns of a row, each with its style.
pub(super) fn styled(row: &impl Row) -> impl Iterator<Item = (Style, String)> {
    row.cells().into_iter().enumerate().map(|(column, text)| (row.style(column), printable(&text)))
}

fn cells(row: &impl Row) -> Vec<Cell> {
    styled(row).map(|(style, text)| style.cell(&text)).collect()
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    struct Pair(&'static str, &'static str);

    impl Row for Pair {
        const COLUMNS: &'static [&'static str] = &["name", "size"];

        fn cells(&self) -> Vec<String> {
            vec![self.0.to_owned(), self.1.to_owned()]
        }
    }

    fn draw(width: Option<u16>, rows: &[Pair]) -> String {
        TableLayout { width, colors: Colors::NONE }.draw_rows(rows)
    }

    #[test]
    fn tables_have_headings_and_no_lines() {
        let rows = [Pair("a", "1"), Pair("longer", "22")];
        let text = "NAME    SIZE\na       1\nlonger  22";
        for width in [None, Some(400), Some(12)] {
            assert_eq!(draw(width, &rows), text, "{width:?}");
        }
    }

    #[test]
    fn long_cells_are_wrapped_at_words() {
        let rows = [Pair("a", "one two three four five six seven")];
        assert_eq!(draw(Some(24), &rows), "NAME  SIZE\na     one two three four\n      five six seven");
    }

    #[test]
    fn narrow_terminals_have_records() {
        let rows = [Pair("a", "one two three"), Pair("b", "2")];
        assert_eq!(draw(Some(16), &rows), "name  a\nsize  one two\n      three\n\nname  b\nsize  2");
    }

    #[test]
    fn tables_show_control_characters_as_escapes() {
        assert_eq!(draw(None, &[Pair("a\x1b[2Jb", "")]), "NAME         SIZE\na\\u{1b}[2Jb");
    }
}
