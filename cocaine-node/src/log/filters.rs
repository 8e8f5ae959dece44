//! The filters of `logging::v2`. Each belongs to a logger and is active until its deadline (`services.md` 5).
//!
//! A message is checked against the filters of the logger whose name is the longest prefix of the message's logger, or
//! against those of `default` if there is none. It is accepted if one of these filters matches.
//!
//! ```text
//! filter  the filter language            rule            a filter set for a logger
//! table   the rules of all loggers       logger_filters  the rules and counters of one logger
//! ```
//!
//! Nothing here reads a clock: callers pass the current Unix time.

mod filter;
mod logger_filters;
mod rule;
mod table;

use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;

use self::table::FilterTable;
pub(crate) use self::{
    filter::{AttributeValue, Filter, FilterError, LogMessage},
    rule::{FilterRule, NO_DEADLINE},
    table::{DEFAULT_LOGGER, TooManyFiltersError},
};
use crate::metrics::Reading;

/// All filters. Messages are checked without a lock.
#[derive(Debug)]
pub(crate) struct Filters {
    table: ArcSwap<FilterTable>,
    /// Held while the table is replaced.
    changing: Mutex<()>,
}

impl Filters {
    pub(crate) fn new(first: FilterRule) -> Self {
        Self { table: ArcSwap::from_pointee(FilterTable::new(first)), changing: Mutex::default() }
    }

    /// Returns whether a message to the logger `name` is accepted, and counts it.
    pub(crate) fn accept(&self, name: &str, message: &LogMessage<'_>, now: u64) -> bool {
        self.table.load().logger(name, now).accept(message, now)
    }

    /// Adds a rule, unless there are too many.
    pub(crate) fn add(&self, rule: FilterRule) -> Result<(), TooManyFiltersError> {
        self.change(|table| table.add(rule))
    }

    /// Adds a rule under a new id, unless there are too many, and returns it.
    pub(crate) fn add_numbered(&self, rule: FilterRule) -> Result<FilterRule, TooManyFiltersError> {
        self.change(|table| {
            let rule = FilterRule { id: table.free_id(), ..rule };
            table.add(rule.clone()).map(|()| rule)
        })
    }

    /// Removes and returns a rule, if it exists.
    pub(crate) fn remove(&self, id: u64) -> Option<FilterRule> {
        self.change(|table| table.remove(id))
    }

    /// Removes and returns the rules whose deadline has passed.
    pub(crate) fn expire(&self, now: u64) -> Vec<FilterRule> {
        self.change(|table| table.expire(now))
    }

    #[cfg(test)]
    pub(crate) fn find(&self, id: u64) -> Option<FilterRule> {
        self.table.load().rules().find(|rule| rule.id == id).cloned()
    }

    /// Returns the active rules, sorted by logger.
    pub(crate) fn rules(&self, now: u64) -> Vec<FilterRule> {
        self.table.load().rules().filter(|rule| rule.is_active(now)).cloned().collect()
    }

    /// Returns the names of the loggers with active rules, and of the permanent ones.
    pub(crate) fn loggers(&self, now: u64) -> Vec<String> {
        self.table.load().names(now)
    }

    /// Appends the counters of all loggers.
    pub(crate) fn collect_metrics(&self, readings: &mut Vec<Reading>) {
        self.table.load().collect_metrics(readings);
    }

    fn change<T>(&self, change: impl FnOnce(&mut FilterTable) -> T) -> T {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = FilterTable::clone(&self.table.load());
        let outcome = change(&mut table);
        self.table.store(table.into());
        outcome
    }
}
