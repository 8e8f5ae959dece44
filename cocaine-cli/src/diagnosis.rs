//! What is wrong with a cloud, and what to do about it. Nothing is changed.

mod apps;
mod cloud;
mod contexts;
mod surroundings;
mod versions;

use serde::Serialize;

use crate::{
    environment::Environment,
    error::Result,
    output::{Progress, Row, Style},
};

/// How a check has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Ok,
    Warning,
    Failed,
}

/// The result of a check.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    verdict: Verdict,
    /// What was checked: `locator`, `service`, `app` and the like.
    check: &'static str,
    /// Its name or address.
    subject: String,
    found: String,
    /// What to do, if there is something to do.
    advice: Option<String>,
}

/// Checks everything that can be checked. Without a locator that is no more than what is on this machine.
pub(crate) async fn diagnose(environment: &Environment) -> Result<Vec<Finding>> {
    let mut findings = contexts::check();
    let progress = Progress::start("asking the locators");
    let is_reachable = cloud::check_locators(environment, &mut findings).await?;
    findings.push(surroundings::check_limits());
    if is_reachable {
        let cloud = environment.cloud()?;
        let limit = environment.timeout_or(cloud::LIMIT)?;
        progress.step("checking the services");
        cloud::check_services(&cloud, limit, &mut findings).await;
        findings.extend(surroundings::check_clock(&cloud).await);
        progress.step("checking the apps");
        apps::check(&cloud, limit, &mut findings).await;
    }
    Ok(findings)
}

impl Finding {
    fn ok(check: &'static str, subject: &str, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, check, subject: subject.to_owned(), found: found.into(), advice: None }
    }

    fn warning(
        check: &'static str,
        subject: &str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let advice = Some(advice.into());
        Self { verdict: Verdict::Warning, advice, ..Self::ok(check, subject, found) }
    }

    fn failed(
        check: &'static str,
        subject: &str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Failed, ..Self::warning(check, subject, found, advice) }
    }

    /// Returns whether the check has failed. A warning is no failure.
    pub(crate) fn is_failed(&self) -> bool {
        self.verdict == Verdict::Failed
    }
}

impl Row for Finding {
    const COLUMNS: &'static [&'static str] = &["verdict", "check", "subject", "found", "advice"];

    fn cells(&self) -> Vec<String> {
        let Self { verdict, check, subject, found, advice } = self;
        let verdict = match verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
        };
        let advice = advice.clone().unwrap_or_default();
        vec![verdict.to_owned(), (*check).to_owned(), subject.clone(), found.clone(), advice]
    }
    fn style(&self, column: usize) -> Style {
        match self.verdict {
            _ if column != 0 => Style::Plain,
            Verdict::Ok => Style::Good,
            Verdict::Warning => Style::Warning,
            Verdict::Failed => Style::Failed,
        }
    }
}
