//! The report of attempts that have all failed.

use std::fmt;

/// The number of attempts that have failed, and the reasons of the first few.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: usize,
    untried: usize,
    reasons: Vec<String>,
}

impl Failures {
    /// The maximum number of reasons that are shown. A locator may name any number of endpoints.
    const MAX_REASONS: usize = 5;

    pub(crate) fn add(&mut self, reason: impl fmt::Display) {
        self.count += 1;
        if self.reasons.len() < Self::MAX_REASONS {
            self.reasons.push(reason.to_string());
        }
    }

    /// Records that the time ran out before all `total` attempts had ended.
    pub(crate) fn set_total(&mut self, total: usize) {
        self.untried = total.saturating_sub(self.count);
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reasons.join("; "))?;
        if self.count > self.reasons.len() {
            write!(f, "; {} failed in total", self.count)?;
        }
        if self.untried > 0 {
            write!(f, "; the time ran out before {} more were tried", self.untried)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_failures_are_counted_not_listed() {
        let mut failures = Failures::default();
        (1..=2).for_each(|number| failures.add(number));
        assert_eq!(failures.to_string(), "1; 2");
        (3..=100_000).for_each(|number| failures.add(number));
        assert_eq!(failures.to_string(), "1; 2; 3; 4; 5; 100000 failed in total");
        failures.set_total(100_007);
        assert!(failures.to_string().ends_with("; the time ran out before 7 more were tried"));
    }
}
