//! Colours, where they are wanted and a terminal shows them.

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use anstyle::AnsiColor;
use comfy_table::{Attribute, Cell, Color};

/// How a text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    #[default]
    Plain,
    /// A heading.
    Heading,
    /// What matters less.
    Faint,
    /// What is as it should be.
    Good,
    /// What should be looked at.
    Warning,
    /// What has failed.
    Failed,
}

/// Whether a stream shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colors(bool);

impl Colors {
    pub(crate) const NONE: Self = Self(false);

    /// Decides for a stream as the help does: `NO_COLOR` forbids colours, `CLICOLOR_FORCE` demands them, and otherwise a terminal has them
    /// unless `TERM` is `dumb` or `CLICOLOR` is 0.
    pub(crate) fn of(stream: &impl RawStream) -> Self {
        Self(AutoStream::choice(stream) != ColorChoice::Never)
    }

    /// Returns whether there are colours.
    pub(crate) fn is_colored(self) -> bool {
        self.0
    }

    /// Returns a text in a style.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        match style.ansi() {
            Some(style) if self.0 => format!("{style}{text}{style:#}"),
            _ => text.to_owned(),
        }
    }
}

impl Style {
    /// Returns how the state of an app looks.
    pub(crate) fn of_app_state(state: &str) -> Self {
        match state {
            "running" => Self::Good,
            "stopped" => Self::Faint,
            "broken" => Self::Failed,
            _ => Self::Warning,
        }
    }

    fn ansi(self) -> Option<anstyle::Style> {
        Some(match self {
            Self::Plain => return None,
            Self::Heading => anstyle::Style::new().bold(),
            Self::Faint => anstyle::Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Failed => AnsiColor::Red.on_default().bold(),
        })
    }

    /// Returns the cell of a table in this style.
    pub(super) fn cell(self, text: &str) -> Cell {
        let cell = Cell::new(text);
        match self {
            Self::Plain => cell,
            Self::Heading => cell.add_attribute(Attribute::Bold),
            Self::Faint => cell.add_attribute(Attribute::Dim),
            Self::Good => cell.fg(Color::DarkGreen),
            Self::Warning => cell.fg(Color::DarkYellow),
            Self::Failed => cell.fg(Color::DarkRed).add_attribute(Attribute::Bold),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_painted_only_with_colors() {
        assert_eq!(Colors(true).paint(Style::Failed, "a"), "\u{1b}[1m\u{1b}[31ma\u{1b}[0m");
        assert_eq!(Colors(true).paint(Style::Plain, "a"), "a");
        assert_eq!(Colors::NONE.paint(Style::Failed, "a"), "a");
    }
}
