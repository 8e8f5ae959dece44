//! A difference between two schemas of an app, and how much it matters.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::{
    grades::{AppDirection, AppGrade},
    rules::AppRule,
};
use crate::naming::shown;

/// One difference between two schemas of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppDifference {
    /// How much it matters.
    pub grade: AppGrade,
    /// Which callers it matters to.
    pub direction: AppDirection,
    /// The app.
    pub app: String,
    /// The event, where it is about one.
    pub event: Option<String>,
    /// What within the event, or within the schema: `arguments.link.ttl`, `input`, `output[].slug`, `errors.NotFound`,
    /// `types.Link`; may be empty.
    pub path: String,
    /// The rule that found it.
    pub rule: AppRule,
    /// What has happened.
    pub message: String,
    /// What the old schema says, if it says anything.
    pub expected: Option<String>,
    /// What the new schema says, if it says anything.
    pub found: Option<String>,
}

impl AppDifference {
    /// Returns a difference of an app as a whole.
    pub(super) fn of_app(app: &str, rule: AppRule) -> Self {
        let (grade, direction) = rule.grade();
        Self {
            grade,
            direction,
            app: app.to_owned(),
            event: None,
            path: String::new(),
            rule,
            message: rule.message().to_owned(),
            expected: None,
            found: None,
        }
    }

    /// Returns whether calls of old callers fail with the new app, or are misread.
    pub fn breaks_callers(&self) -> bool {
        self.grade == AppGrade::Wire && self.direction != AppDirection::Forward
    }

    /// Returns what comes first: the worse grade, and in it what concerns old callers.
    pub(super) fn severity(&self) -> (AppGrade, bool) {
        (self.grade, self.direction == AppDirection::Forward)
    }

    /// Returns what it is about: the app, the event and the path.
    pub(super) fn place(&self) -> String {
        let mut place = shown(&self.app);
        if let Some(event) = &self.event {
            place = format!("{place}.{}", shown(event));
        }
        if self.path.is_empty() { place } else { format!("{place} {}", shown(&self.path)) }
    }

    /// Returns what has happened, with both sides.
    pub(super) fn what(&self) -> String {
        if self.expected.is_none() && self.found.is_none() {
            return self.message.clone();
        }
        let or_nothing = |text: &Option<String>| text.as_deref().map_or_else(|| "nothing".to_owned(), shown);
        format!(
            "{}: expected {}, found {}",
            self.message,
            or_nothing(&self.expected),
            or_nothing(&self.found)
        )
    }
}

/// One line, on which everything that a schema says is escaped.
impl fmt::Display for AppDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { grade, direction, rule, .. } = self;
        write!(f, "{grade} ({direction}): {}: {rule}: {}", self.place(), self.what())
    }
}

/// Returns the differences as a table to read, a line each, without colors.
pub fn difference_table(differences: &[AppDifference]) -> String {
    const MAX_WIDTH: usize = 48;
    let mut rows = vec![["GRADE", "DIRECTION", "WHERE", "RULE", "WHAT"].map(str::to_owned)];
    rows.extend(differences.iter().map(|difference| {
        let AppDifference { grade, direction, rule, .. } = difference;
        [grade.to_string(), direction.to_string(), difference.place(), rule.to_string(), difference.what()]
    }));
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.filter(|width| *width <= MAX_WIDTH).max().unwrap_or_default()
    };
    let widths = [0, 1, 2, 3].map(width);
    let mut table = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(table, "{cell:width$}  ");
        }
        table.push_str(&row[4]);
        table.push('\n');
    }
    table
}
