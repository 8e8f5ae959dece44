//! What a person sees of the samples, and what keys do. Nothing is drawn here.

use unicode_width::UnicodeWidthChar as _;

use super::{Activity, Sample, SortKey};
use crate::output::{Row as _, Style, printable};

/// The columns of numbers and states with their widths. As many as fit are shown.
const WIDTHS: [usize; 10] = [8, 7, 5, 7, 10, 9, 9, 8, 7, 8];
/// The most and the least that is for names.
const NAME_WIDTHS: (usize, usize) = (40, 12);
/// The lines above the apps, and those below them.
const LINES_AROUND: usize = 4;
/// The longest text by which names are selected.
const MAX_FILTER: usize = 100;

const HELP: &str = "q quit  / filter  n name  s state  w workers  d queue  r rate  l latency  x rejected  c crashed  t uptime";

/// A line of the screen: texts with their styles.
pub(crate) type ScreenLine = Vec<(Style, String)>;

/// A key that somebody has pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScreenKey {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
}

/// What is shown.
#[derive(Debug)]
pub(crate) struct AppScreen {
    /// The cloud.
    title: String,
    rows: usize,
    columns: usize,
    sort: SortKey,
    is_reversed: bool,
    /// What names have in them.
    filter: String,
    /// The filter is being typed.
    is_typing: bool,
    /// How many apps are above the first one that is shown.
    first: usize,
    sample: Option<Sample>,
    /// Why there is no newer sample.
    failure: Option<String>,
}

impl AppScreen {
    pub(crate) fn new(title: &str, sort: SortKey, filter: &str) -> Self {
        Self {
            title: printable(title),
            rows: 24,
            columns: 80,
            sort,
            is_reversed: false,
            filter: filter.to_owned(),
            is_typing: false,
            first: 0,
            sample: None,
            failure: None,
        }
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        (self.columns, self.rows) = (usize::from(columns), usize::from(rows));
    }

    /// Shows a sample, or why there is none beside the last one.
    pub(crate) fn update(&mut self, sampled: Result<Sample, String>) {
        match sampled {
            Ok(sample) => (self.sample, self.failure) = (Some(sample), None),
            Err(failure) => self.failure = Some(printable(&failure)),
        }
    }

    /// Does what a key stands for, and returns whether it ends the program.
    pub(crate) fn press(&mut self, key: ScreenKey) -> bool {
        let page = self.page().max(1);
        match key {
            ScreenKey::Enter => self.is_typing = false,
            ScreenKey::Escape => {
                self.is_typing = false;
                self.filter.clear();
            }
            ScreenKey::Backspace if self.is_typing => drop(self.filter.pop()),
            ScreenKey::Char(character) if self.is_typing => {
                if !character.is_control() && self.filter.len() < MAX_FILTER {
                    self.filter.push(character);
                }
                self.first = 0;
            }
            ScreenKey::Char('q') => return true,
            ScreenKey::Char('/') => self.is_typing = true,
            ScreenKey::Char(character) => self.sort_by(character),
            ScreenKey::Up => self.first = self.first.saturating_sub(1),
            ScreenKey::Down => self.first = self.first.saturating_add(1),
            ScreenKey::PageUp => self.first = self.first.saturating_sub(page),
            ScreenKey::PageDown => self.first = self.first.saturating_add(page),
            ScreenKey::Home => self.first = 0,
            ScreenKey::End => self.first = usize::MAX,
            ScreenKey::Backspace => {}
        }
        self.first = self.first.min(self.apps().len().saturating_sub(page));
        false
    }

    /// Sorts by a column; by the same one the other way round.
    fn sort_by(&mut self, key: char) {
        let Some(sort) = SortKey::of_key(key) else { return };
        self.is_reversed = sort == self.sort && !self.is_reversed;
        self.sort = sort;
    }

    /// Returns how many apps there is room for.
    fn page(&self) -> usize {
        self.rows.saturating_sub(LINES_AROUND)
    }

    /// Returns the apps that are selected, in their order.
    fn apps(&self) -> Vec<Activity> {
        let apps = self.sample.iter().flat_map(|sample| &sample.apps);
        let mut apps: Vec<_> = apps.filter(|app| app.name.contains(&self.filter)).cloned().collect();
        self.sort.sort(&mut apps, self.is_reversed);
        apps
    }

    /// Returns the lines, no more than there is room for, and none longer than that.
    pub(crate) fn lines(&self) -> Vec<ScreenLine> {
        let apps = self.apps();
        let first = self.first.min(apps.len().saturating_sub(self.page().max(1)));
        let mut lines = vec![self.summary(&apps), self.status(apps.len(), first), self.headings()];
        lines.extend(apps.iter().skip(first).take(self.page()).map(|app| self.app_line(app)));
        lines.resize(self.rows.saturating_sub(1).max(lines.len()), Vec::new());
        lines.push(vec![(Style::Faint, HELP.to_owned())]);
        lines.truncate(self.rows);
        lines.into_iter().map(|line| fit(line, self.columns)).collect()
    }

    fn summary(&self, apps: &[Activity]) -> ScreenLine {
        if self.sample.is_none() {
            return vec![(Style::Heading, self.title.clone())];
        }
        let sum = |count: fn(&Activity) -> Option<u64>| apps.iter().filter_map(count).sum::<u64>();
        let running = apps.iter().filter(|app| app.state == "running").count();
        let rate = apps.iter().filter_map(|app| app.rate).fold(0.0, |sum, rate| sum + rate);
        let (workers, busy, queue) = (sum(|app| app.workers), sum(|app| app.busy), sum(|app| app.queue));
        let text = format!(
            "  {} apps, {running} running; {workers} workers, {busy} busy; {queue} events queued, {rate:.1}/s",
            apps.len()
        );
        vec![(Style::Heading, self.title.clone()), (Style::Plain, text)]
    }

    fn status(&self, count: usize, first: usize) -> ScreenLine {
        if let Some(failure) = &self.failure {
            let since =
                self.sample.as_ref().map(|sample| format!(" since {}", sample.time)).unwrap_or_default();
            let text = format!("{since}: {failure}");
            return vec![(Style::Failed, "the node is away".to_owned()), (Style::Plain, text)];
        }
        let time = self.sample.as_ref().map_or("waiting for the node", |sample| &sample.time);
        let mut line = vec![(Style::Faint, time.to_owned())];
        if count > self.page() {
            let last = count.min(first + self.page());
            line.push((Style::Plain, format!("  {} to {last} of {count}", first + 1)));
        }
        if self.is_typing || !self.filter.is_empty() {
            let cursor = if self.is_typing { "_" } else { "" };
            line.push((Style::Warning, format!("  /{}{cursor}", printable(&self.filter))));
        }
        line
    }

    fn headings(&self) -> ScreenLine {
        let direction = if self.is_reversed { '^' } else { 'v' };
        let heading = |name: &&str| {
            let is_sorted = *name == self.sort.column();
            (
                Style::Heading,
                if is_sorted { format!("{direction}{}", name.to_uppercase()) } else { name.to_uppercase() },
            )
        };
        self.columns_of(Activity::COLUMNS.iter().map(heading).collect())
    }

    fn app_line(&self, app: &Activity) -> ScreenLine {
        let cells = app.cells().into_iter().enumerate();
        self.columns_of(cells.map(|(column, text)| (app.style(column), printable(&text))).collect())
    }

    /// Aligns the cells of a line: the name and the state on the left, numbers on the right.
    fn columns_of(&self, cells: Vec<(Style, String)>) -> ScreenLine {
        let (most, least) = NAME_WIDTHS;
        let (mut shown, mut rest) = (0, 0);
        while shown < WIDTHS.len() && rest + WIDTHS[shown] + 1 + least <= self.columns {
            rest += WIDTHS[shown] + 1;
            shown += 1;
        }
        let name = self.columns.saturating_sub(rest).min(most);
        let mut line = ScreenLine::new();
        for (column, (style, text)) in cells.into_iter().enumerate().take(shown + 1) {
            let text = match column {
                0 => aligned_left(&text, name),
                1 => format!(" {}", aligned_left(&text, WIDTHS[0])),
                _ => format!(" {text:>width$}", width = WIDTHS[column - 1]),
            };
            line.push((style, text));
        }
        line
    }
}

/// Returns a text that is as wide as wanted, with an ellipsis if it is cut.
fn aligned_left(text: &str, width: usize) -> String {
    let mut cut = cut(text, width);
    if cut.len() < text.len() {
        cut = self::cut(text, width.saturating_sub(1)) + "…";
    }
    let missing = width.saturating_sub(text_width(&cut));
    cut + &" ".repeat(missing)
}

/// Returns as much of a text as has room.
fn cut(text: &str, width: usize) -> String {
    let mut used = 0;
    let fits = |character: &char| {
        used += character.width().unwrap_or(0);
        used <= width
    };
    text.chars().take_while(fits).collect()
}

fn text_width(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// Cuts a line that is too long.
fn fit(line: ScreenLine, columns: usize) -> ScreenLine {
    let mut room = columns;
    let mut fitted = ScreenLine::new();
    for (style, text) in line {
        let text = cut(&text, room);
        room -= text_width(&text);
        fitted.push((style, text));
    }
    fitted
}

#[cfg(test)]
mod tests;
