//! The rules of all loggers.

use std::{collections::BTreeMap, ops::Bound};

use super::{logger_filters::LoggerFilters, rule::FilterRule};
use crate::metrics::Reading;

/// The logger whose rules apply to loggers without any.
pub(crate) const DEFAULT_LOGGER: &str = "default";
/// The logger of the original runtime's own messages.
const CORE: &str = "core";

/// The largest number of rules.
const MAX_FILTERS: usize = 1024;

/// The largest number of filters is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_FILTERS} filters are set: remove some first")]
pub(crate) struct TooManyFiltersError;

/// The rules of all loggers by name.
#[derive(Clone, Debug)]
pub(super) struct FilterTable {
    loggers: BTreeMap<String, LoggerFilters>,
}

impl FilterTable {
    /// Returns a table with the two permanent loggers and a first rule.
    pub(super) fn new(first: FilterRule) -> Self {
        let loggers = [CORE, DEFAULT_LOGGER].map(|name| (name.to_owned(), LoggerFilters::default()));
        let mut table = Self { loggers: loggers.into() };
        table.insert(first);
        table
    }

    /// Returns the logger that decides about a message to `name`: the active one with the longest name that is a prefix
    /// of `name`, or `default`.
    pub(super) fn logger(&self, name: &str, now: u64) -> &LoggerFilters {
        let mut prefix = name;
        loop {
            let before = (Bound::Unbounded, Bound::Included(prefix));
            let before = self.loggers.range::<str, _>(before).next_back();
            let Some((known, logger)) = before else { return &self.loggers[DEFAULT_LOGGER] };
            let common = common_prefix(known, prefix);
            if common.len() < known.len() {
                prefix = common;
            } else if logger.is_active(now) {
                return logger;
            } else if let Some((last, _)) = common.char_indices().next_back() {
                prefix = &common[..last];
            } else {
                return &self.loggers[DEFAULT_LOGGER];
            }
        }
    }

    pub(super) fn add(&mut self, rule: FilterRule) -> Result<(), TooManyFiltersError> {
        self.check_capacity()?;
        self.insert(rule);
        Ok(())
    }

    fn insert(&mut self, rule: FilterRule) {
        let logger = self.loggers.entry(rule.logger.clone()).or_default();
        logger.rules.push(rule);
        logger.reset_change_counters();
    }

    fn check_capacity(&self) -> Result<(), TooManyFiltersError> {
        if self.rules().count() < MAX_FILTERS { Ok(()) } else { Err(TooManyFiltersError) }
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<FilterRule> {
        self.extract(|rule| rule.id == id).pop()
    }

    /// Returns an id that no rule has.
    pub(super) fn free_id(&self) -> u64 {
        loop {
            let id = fastrand::u64(..);
            if self.rules().all(|rule| rule.id != id) {
                return id;
            }
        }
    }

    /// Removes and returns the rules whose deadline has passed.
    pub(super) fn expire(&mut self, now: u64) -> Vec<FilterRule> {
        self.extract(|rule| !rule.is_active(now))
    }

    /// Removes the rules that `unwanted` selects, and the loggers that are left without any.
    fn extract(&mut self, unwanted: impl Fn(&FilterRule) -> bool) -> Vec<FilterRule> {
        let mut extracted = Vec::new();
        for logger in self.loggers.values_mut() {
            let before = extracted.len();
            extracted.extend(logger.rules.extract_if(.., |rule| unwanted(rule)));
            if extracted.len() > before {
                logger.reset_change_counters();
            }
        }
        self.loggers.retain(|name, logger| !logger.rules.is_empty() || is_permanent(name));
        extracted
    }

    /// Returns all rules, sorted by logger.
    pub(super) fn rules(&self) -> impl Iterator<Item = &FilterRule> {
        self.loggers.values().flat_map(|logger| &logger.rules)
    }

    /// Returns the names of the loggers with active rules, and of the permanent ones.
    pub(super) fn names(&self, now: u64) -> Vec<String> {
        let known = self.loggers.iter().filter(|(name, logger)| logger.is_active(now) || is_permanent(name));
        known.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn collect_metrics(&self, readings: &mut Vec<Reading>) {
        for (name, logger) in &self.loggers {
            logger.collect_metrics(name, readings);
        }
    }
}

fn is_permanent(name: &str) -> bool {
    [CORE, DEFAULT_LOGGER].contains(&name)
}

/// Returns the longest common prefix, as a part of `text`.
fn common_prefix<'a>(other: &str, text: &'a str) -> &'a str {
    let differ = text.char_indices().zip(other.chars()).find(|((_, left), right)| left != right);
    let end = differ.map_or(text.len().min(other.len()), |((at, _), _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests;
