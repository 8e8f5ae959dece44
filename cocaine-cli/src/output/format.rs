//! The formats of results.

use clap::ValueEnum;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables and texts for people.
    #[default]
    Table,
    /// One JSON text.
    Json,
    /// A JSON text a line.
    Jsonl,
    /// Lines of values that tabs separate, without headings.
    Plain,
}

impl Format {
    /// Returns whether the result is JSON.
    pub(crate) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}
