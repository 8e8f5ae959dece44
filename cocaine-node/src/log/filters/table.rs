//! The filters of all loggers, by their names.

use std::{collections::BTreeMap, ops::Bound};

use super::{logger_filters::LoggerFilters, rule::FilterRule};
use crate::metrics::Reading;

/// The logger of what has none of its own.
pub(crate) const DEFAULT_LOGGER: &str = "default";
/// The logger of the original runtime's own messages.
const CORE: &str = "core";

/// How many filters may be set at once.
const FILTERS: usize = 1024;

/// There are too many filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{FILTERS} filters are set: remove some first")]
pub(crate) struct TooManyFiltersError;

/// The filters of all loggers.
#[derive(Clone, Debug)]
pub(super) struct FilterTable {
    loggers: BTreeMap<String, LoggerFilters>,
}

impl FilterTable {
    /// Returns a table with the two loggers that are always there, and a first filter.
    pub(super) fn new(first: FilterRule) -> Self {
        let loggers = [CORE, DEFAULT_LOGGER].map(|name| (name.to_owned(), LoggerFilters::default()));
        let mut table = Self { loggers: loggers.into() };
        table.insert(first);
        table
    }

    /// Returns the logger that holds a message to `name`: the one in force whose name is the longest beginning of that,
    /// or `default`.
    pub(super) fn logger(&self, name: &str, now: u64) -> &LoggerFilters {
        let mut beginning = name;
        loop {
            let before = (Bound::Unbounded, Bound::Included(beginning));
            let before = self.loggers.range::<str, _>(before).next_back();
            let Some((known, logger)) = before else { return &self.loggers[DEFAULT_LOGGER] };
            let common = common_beginning(known, beginning);
            if common.len() < known.len() {
                beginning = common;
            } else if logger.lives(now) {
                return logger;
            } else if let Some((last, _)) = common.char_indices().next_back() {
                beginning = &common[..last];
            } else {
                return &self.loggers[DEFAULT_LOGGER];
            }
        }
    }

    pub(super) fn add(&mut self, rule: FilterRule) -> Result<(), TooManyFiltersError> {
        self.has_room()?;
        self.insert(rule);
        Ok(())
    }

    fn insert(&mut self, rule: FilterRule) {
        let logger = self.loggers.entry(rule.logger.clone()).or_default();
        logger.rules.push(rule);
        logger.changed();
    }

    pub(super) fn has_room(&self) -> Result<(), TooManyFiltersError> {
        if self.rules().count() < FILTERS { Ok(()) } else { Err(TooManyFiltersError) }
    }

    pub(super) fn remove(&mut self, id: u64) -> bool {
        !self.extract(|rule| rule.id == id).is_empty()
    }

    /// Removes the filters whose deadline has passed, and returns them.
    pub(super) fn expire(&mut self, now: u64) -> Vec<FilterRule> {
        self.extract(|rule| !rule.lives(now))
    }

    /// Removes filters, and the loggers that have none any more.
    fn extract(&mut self, unwanted: impl Fn(&FilterRule) -> bool) -> Vec<FilterRule> {
        let mut extracted = Vec::new();
        for logger in self.loggers.values_mut() {
            let before = extracted.len();
            extracted.extend(logger.rules.extract_if(.., |rule| unwanted(rule)));
            if extracted.len() > before {
                logger.changed();
            }
        }
        self.loggers.retain(|name, logger| !logger.rules.is_empty() || is_permanent(name));
        extracted
    }

    /// Returns all filters, by the names of their loggers.
    pub(super) fn rules(&self) -> impl Iterator<Item = &FilterRule> {
        self.loggers.values().flat_map(|logger| &logger.rules)
    }

    /// Returns the names of the loggers with filters in force, and of those that are always there.
    pub(super) fn names(&self, now: u64) -> Vec<String> {
        let known = self.loggers.iter().filter(|(name, logger)| logger.lives(now) || is_permanent(name));
        known.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn measure(&self, readings: &mut Vec<Reading>) {
        for (name, logger) in &self.loggers {
            logger.measure(name, readings);
        }
    }
}

fn is_permanent(name: &str) -> bool {
    [CORE, DEFAULT_LOGGER].contains(&name)
}

/// Returns what `text` has in common with the beginning of `other`.
fn common_beginning<'a>(other: &str, text: &'a str) -> &'a str {
    let differ = text.char_indices().zip(other.chars()).find(|((_, left), right)| left != right);
    let end = differ.map_or(text.len().min(other.len()), |((at, _), _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests;
