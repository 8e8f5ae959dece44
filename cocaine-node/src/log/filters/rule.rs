//! A filter that is set for a logger, with its deadline and scope.

use std::sync::Arc;

use cocaine::Value;
use cocaine_bindings::logging_v2::{Disposition, LogFilter};

use super::filter::{Filter, FilterError};

/// The deadline of a filter without one.
pub(crate) const NO_DEADLINE: u64 = i64::MAX as u64;

/// A filter that is set for a logger.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FilterRule {
    pub(crate) logger: String,
    pub(crate) filter: Arc<Filter>,
    pub(crate) id: u64,
    /// The last second in which the rule is active.
    pub(crate) deadline: u64,
    pub(crate) disposition: Disposition,
}

impl FilterRule {
    /// Returns whether the deadline has not passed.
    pub(crate) fn is_active(&self, now: u64) -> bool {
        now <= self.deadline
    }

    /// Returns the form in which a cluster filter is stored, which is the original's.
    pub(crate) fn to_stored(&self) -> Value {
        Value::Map(vec![
            ("deadline".into(), self.deadline.into()),
            ("filter".into(), self.filter.as_ref().into()),
            ("id".into(), self.id.into()),
            ("logger_name".into(), self.logger.as_str().into()),
        ])
    }

    /// Parses the result of [`FilterRule::to_stored`].
    pub(crate) fn from_stored(stored: &Value) -> Result<Self, FilterError> {
        let missing =
            |name: &str| FilterError::Malformed(format!("`{name}` is missing, or not what it should be"));
        let number = |name: &str| stored.get(name).and_then(Value::as_u64).ok_or_else(|| missing(name));
        let logger = stored.get("logger_name").and_then(Value::as_str);
        Ok(Self {
            logger: logger.ok_or_else(|| missing("logger_name"))?.to_owned(),
            filter: Filter::parse(stored.get("filter").ok_or_else(|| missing("filter"))?)?.into(),
            id: number("id")?,
            deadline: number("deadline")?,
            disposition: Disposition::Cluster,
        })
    }
}

impl From<FilterRule> for LogFilter {
    fn from(rule: FilterRule) -> Self {
        let FilterRule { logger, filter, id, deadline, disposition } = rule;
        Self { logger, filter: filter.as_ref().into(), id, deadline, disposition }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_rule_is_read_back() {
        let filter = Value::Array(vec!["severity".into(), 2_u64.into()]);
        let rule = FilterRule {
            logger: "app/x".into(),
            filter: Filter::parse(&filter).unwrap().into(),
            id: u64::MAX,
            deadline: 1_800_000_000,
            disposition: Disposition::Cluster,
        };
        let stored = rule.to_stored();
        let expected = concat!(
            r#"{"deadline": 1800000000, "filter": ["severity", 2], "id": 18446744073709551615, "#,
            r#""logger_name": "app/x"}"#
        );
        assert_eq!(stored.to_string(), expected);
        assert_eq!(FilterRule::from_stored(&stored), Ok(rule));
    }

    #[test]
    fn missing_fields_are_reported() {
        let whole = Value::Map(vec![
            ("deadline".into(), 1_u64.into()),
            ("filter".into(), Value::Array(vec!["empty".into()])),
            ("id".into(), 1_u64.into()),
            ("logger_name".into(), "x".into()),
        ]);
        assert!(FilterRule::from_stored(&whole).is_ok());
        for name in ["deadline", "filter", "id", "logger_name"] {
            let Value::Map(mut entries) = whole.clone() else { unreachable!() };
            entries.retain(|(key, _)| key.as_str() != Some(name));
            let error = FilterRule::from_stored(&Value::Map(entries)).unwrap_err().to_string();
            assert_eq!(error, format!("`{name}` is missing, or not what it should be"));
        }
        assert!(FilterRule::from_stored(&"x".into()).is_err());
    }

    #[test]
    fn filter_is_active_until_deadline() {
        let filter = Filter::parse(&Value::Array(vec!["empty".into()])).unwrap().into();
        let mut rule = FilterRule {
            logger: String::new(),
            filter,
            id: 1,
            deadline: 100,
            disposition: Disposition::Local,
        };
        assert!(rule.is_active(0) && rule.is_active(100) && !rule.is_active(101));
        rule.deadline = NO_DEADLINE;
        assert!(rule.is_active(NO_DEADLINE));
    }
}
