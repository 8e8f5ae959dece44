//! What is shown: what apps print on standard output, everything else on standard error, and on a terminal with several apps a
//! table of their states above it.

mod top_table;

use std::{
    cell::RefCell,
    fmt::Write as _,
    fs::{self, File},
    io::{self, IsTerminal as _, Write as _},
    path::Path,
};

use cocaine_bindings::StreamedLine;

use self::top_table::TopTable;
use super::stages::{AppStages, Stage};
use crate::{
    error::{Error, Result},
    log_lines::LineRow,
    output::{Colors, Format, Output, Style, printable},
};

/// The colours of the names of apps, as numbers of ANSI.
const NAME_COLORS: [u8; 5] = [36, 35, 34, 33, 32];

/// The terminal or the files that a session writes to.
#[derive(Debug)]
pub(super) struct Screen {
    names: Vec<String>,
    output: Output,
    /// Of standard output.
    colors: Colors,
    /// Of standard error.
    note_colors: Colors,
    top: RefCell<Option<TopTable>>,
    /// A file for what each app prints.
    logs: Vec<File>,
}

impl Screen {
    /// Shows apps of these names. What each prints goes to a file in the folder `logs`, too, if there is one.
    pub(super) fn new(names: Vec<String>, output: Output, logs: Option<&Path>) -> Result<Self> {
        let logs = match logs {
            Some(folder) => open_logs(folder, &names)?,
            None => Vec::new(),
        };
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let has_table = names.len() > 1
            && output.format() == Format::Table
            && stdout.is_terminal()
            && stderr.is_terminal();
        let note_colors = Colors::of(&stderr);
        let top = has_table.then(|| TopTable::new(names.len(), note_colors));
        Ok(Self { names, output, colors: Colors::of(&stdout), note_colors, top: RefCell::new(top), logs })
    }

    /// Returns whether what builds print may have colours.
    pub(super) fn is_colored(&self) -> bool {
        self.note_colors.is_colored()
    }

    /// Shows a line that a worker has printed.
    pub(super) fn print(&self, line: &StreamedLine) -> Result<()> {
        let app =
            line.source.strip_prefix("app/").and_then(|name| self.names.iter().position(|app| app == name));
        if let Some(mut file) = app.and_then(|app| self.logs.get(app)) {
            file.write_all(&line.message)?;
            file.write_all(b"\n")?;
        }
        if self.output.format() != Format::Table {
            return self.output.row(&LineRow::from_stream(line));
        }
        let text = String::from_utf8_lossy(&line.message);
        self.output.line(&format!("{}{}", self.prefix(app, self.colors), printable(&text)))
    }

    /// Shows a line that the build of an app has printed.
    pub(super) fn print_build(&self, app: usize, line: &str) {
        self.output.styled_note(&format!(
            "{}{}",
            self.prefix(Some(app), self.note_colors),
            only_colors(line, self.is_colored())
        ));
    }

    /// Says something of an app, or of all.
    pub(super) fn note(&self, app: Option<usize>, text: &str) {
        self.say(app, Style::Plain, text);
    }

    /// Says that something is as it should be.
    pub(super) fn succeed(&self, app: usize, text: &str) {
        self.say(Some(app), Style::Good, text);
    }

    /// Says that something has failed.
    pub(super) fn fail(&self, app: Option<usize>, text: &str) {
        self.say(app, Style::Failed, text);
    }

    fn say(&self, app: Option<usize>, style: Style, text: &str) {
        let name = app.map(|app| format!("{}: ", self.names[app])).unwrap_or_default();
        for (number, line) in text.split('\n').enumerate() {
            let name = if number == 0 { name.as_str() } else { "" };
            self.output.styled_note(&self.note_colors.paint(style, &printable(&format!("{name}{line}"))));
        }
    }

    /// Draws the table.
    pub(super) fn update(&self, stages: &AppStages) {
        if let Some(top) = self.top.borrow_mut().as_mut() {
            let rows = self.names.iter().zip(stages.apps());
            let rows = rows.map(|(name, app)| {
                let version =
                    if app.version > 0 { format!("version {}", app.version) } else { String::new() };
                let (style, state, detail) = match &app.stage {
                    Stage::Waiting => (Style::Faint, "waiting", ""),
                    Stage::Building => (Style::Warning, "building", ""),
                    Stage::Starting => (Style::Warning, "starting", ""),
                    Stage::Serving => (Style::Good, "serving", ""),
                    Stage::Failed(reason) => (Style::Failed, "failed", reason.as_str()),
                };
                let detail = detail.lines().map(str::trim).collect::<Vec<_>>().join(" | ");
                (
                    style,
                    printable(&format!(
                        "{name:width$}  {state:8}  {version:12}{detail}",
                        width = self.width()
                    )),
                )
            });
            top.draw(rows.collect());
        }
    }

    /// The terminal has another size.
    pub(super) fn resize(&self) {
        if let Some(top) = self.top.borrow_mut().as_mut() {
            top.resize();
        }
    }

    /// Returns what stands before the lines of an app. One app alone needs nothing.
    fn prefix(&self, app: Option<usize>, colors: Colors) -> String {
        let Some(app) = app.filter(|_| self.names.len() > 1) else { return String::new() };
        let name = format!("{:width$} |", printable(&self.names[app]), width = self.width());
        if colors.is_colored() {
            format!("\x1b[{}m{name}\x1b[0m ", NAME_COLORS[app % NAME_COLORS.len()])
        } else {
            format!("{name} ")
        }
    }

    fn width(&self) -> usize {
        self.names.iter().map(|name| name.chars().count()).max().unwrap_or_default()
    }
}

/// Opens the file of each app to go on with it.
fn open_logs(folder: &Path, names: &[String]) -> Result<Vec<File>> {
    fs::create_dir_all(folder).map_err(Error::in_file(folder))?;
    let open = |name: &String| {
        let path = folder.join(format!("{name}.log"));
        File::options().append(true).create(true).open(&path).map_err(Error::in_file(&path))
    };
    names.iter().map(open).collect()
}

/// Returns a line in which colours are what they are, if they are wanted, and other control characters are escapes.
fn only_colors(line: &str, is_colored: bool) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line.trim_end_matches('\r');
    while let Some(start) = rest.find("\x1b[") {
        let (before, sequence) = rest.split_at(start);
        clean.push_str(&printable(before));
        let end = sequence[2..].find(|character: char| !character.is_ascii_digit() && character != ';');
        match end.map(|end| sequence.split_at(end + 2)) {
            Some((color, after)) if after.starts_with('m') => {
                if is_colored {
                    clean.push_str(color);
                    clean.push('m');
                }
                rest = &after[1..];
            }
            _ => {
                let _ = write!(clean, "{}", '\x1b'.escape_default());
                rest = &sequence[1..];
            }
        }
    }
    clean.push_str(&printable(rest));
    clean.replace("\\t", "    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_have_colors_and_nothing_else() {
        let line = "\x1b[1m\x1b[31merror\x1b[0m: \x1b[2Jgone\x07 \x1b[38;5;9m!\x1b";
        let escaped = "\\u{1b}[2Jgone\\u{7} ";
        let colored = format!("\x1b[1m\x1b[31merror\x1b[0m: {escaped}\x1b[38;5;9m!\\u{{1b}}");
        assert_eq!(only_colors(line, true), colored);
        assert_eq!(only_colors(line, false), format!("error: {escaped}!\\u{{1b}}"));
        assert_eq!(only_colors("\x1b[ä", true), "\\u{1b}[ä");
        assert_eq!(only_colors("a\r", true), "a");
    }
}
