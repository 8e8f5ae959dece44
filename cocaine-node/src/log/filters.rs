//! What `logging::v2` lets pass: filters of loggers, each in force until its deadline (`services.md` 5).
//!
//! A message is held against the filters of the logger whose name is the longest beginning of its own, and against
//! those of `default` if there is none. It passes if one of them lets it pass.
//!
//! ```text
//! filter  the language of filters        rule     a filter that is set
//! table   the rules of all loggers       logger   those of one, and what it counted
//! ```
//!
//! Nothing here has a clock: who asks says what time it is, in seconds since 1970.

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

/// All filters. Messages are held against them without a lock.
#[derive(Debug)]
pub(crate) struct Filters {
    table: ArcSwap<FilterTable>,
    /// Held by whoever replaces the table.
    changing: Mutex<()>,
}

impl Filters {
    pub(crate) fn new(first: FilterRule) -> Self {
        Self { table: ArcSwap::from_pointee(FilterTable::new(first)), changing: Mutex::default() }
    }

    /// Returns whether a message to `name` passes, and counts it.
    pub(crate) fn pass(&self, name: &str, message: &LogMessage<'_>, now: u64) -> bool {
        self.table.load().logger(name, now).pass(message, now)
    }

    /// Sets a filter, unless there are too many.
    pub(crate) fn add(&self, rule: FilterRule) -> Result<(), TooManyFiltersError> {
        self.change(|table| table.add(rule))
    }

    pub(crate) fn remove(&self, id: u64) -> bool {
        self.change(|table| table.remove(id))
    }

    /// Removes the filters whose deadline has passed, and returns them.
    pub(crate) fn expire(&self, now: u64) -> Vec<FilterRule> {
        self.change(|table| table.expire(now))
    }

    pub(crate) fn find(&self, id: u64) -> Option<FilterRule> {
        self.table.load().rules().find(|rule| rule.id == id).cloned()
    }

    /// Returns whether another filter may be set.
    pub(crate) fn has_room(&self) -> Result<(), TooManyFiltersError> {
        self.table.load().has_room()
    }

    /// Returns the filters in force, by the names of their loggers.
    pub(crate) fn rules(&self, now: u64) -> Vec<FilterRule> {
        self.table.load().rules().filter(|rule| rule.lives(now)).cloned().collect()
    }

    /// Returns the names of the loggers that have filters in force, and those that are always there.
    pub(crate) fn loggers(&self, now: u64) -> Vec<String> {
        self.table.load().names(now)
    }

    /// Adds what was counted.
    pub(crate) fn measure(&self, readings: &mut Vec<Reading>) {
        self.table.load().measure(readings);
    }

    fn change<T>(&self, change: impl FnOnce(&mut FilterTable) -> T) -> T {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = FilterTable::clone(&self.table.load());
        let outcome = change(&mut table);
        self.table.store(table.into());
        outcome
    }
}
