//! What a document becomes: a configuration, and the list of what has no place in it.

use super::document::{Element, Section};
use crate::config::{node::NodeConfig, warning::ConfigWarning};

/// A configuration while its document is read.
#[derive(Debug, Default)]
pub(super) struct Mapping {
    pub(super) config: NodeConfig,
    pub(super) warnings: Vec<ConfigWarning>,
}

impl Mapping {
    /// Adds a line to the list of what has no counterpart.
    pub(super) fn warn(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.warnings.push(ConfigWarning { path: path.into(), message: message.into() });
    }

    /// Adds a line for an element, if there is one.
    pub(super) fn warn_if_set(&mut self, element: Option<Element<'_>>, message: &str) {
        if let Some(element) = element {
            self.warn(element.path(), message);
        }
    }

    /// Adds a line for each key that was not taken.
    pub(super) fn finish(&mut self, mut section: Section<'_>) {
        for (key, element) in section.take_rest() {
            let hint = section.nearest(key).map(|near| format!(": is `{near}` meant?")).unwrap_or_default();
            self.warn(element.path(), format!("is not known and has no effect{hint}"));
        }
    }
}
