//! The clock of the node, and the limits of this process.

use std::time::Duration;

use cocaine::{Client, Severity};
use cocaine_bindings::{LoggingStream as _, LoggingStreamClient};
use jiff::Timestamp;
use rustix::process::{Resource, getrlimit};
use tokio::time::timeout;

use super::Finding;

/// How long the last line of the log is waited for. A node that has none sends nothing.
const LINE_LIMIT: Duration = Duration::from_millis(500);
/// By how much clocks may differ.
const MAX_AHEAD: Duration = Duration::from_secs(1);
/// Below so many open files, commands with many connections fail.
const MIN_FILES: u64 = 256;

/// Checks that this process may open enough files and connections.
pub(super) fn check_limits() -> Finding {
    limits_finding(getrlimit(Resource::Nofile).current)
}

fn limits_finding(files: Option<u64>) -> Finding {
    match files {
        Some(files) if files < MIN_FILES => Finding::warning(
            "limits",
            "open files",
            format!("a process may have {files} files and connections open"),
            "`ulimit -n 1024` before commands with many connections, such as `cocaine bench`",
        ),
        Some(files) => Finding::ok("limits", "open files", format!("{files} of a process")),
        None => Finding::ok("limits", "open files", "as many as the system has"),
    }
}

/// Checks that the clock of the node is not ahead of that of this machine: the last line of its log would come from the future. No
/// service says what time it is, so that a clock that is behind is not seen.
pub(super) async fn check_clock(cloud: &Client) -> Option<Finding> {
    // An original node has no such stream.
    let stream: LoggingStreamClient = timeout(LINE_LIMIT, cloud.service()).await.ok()?.ok()?;
    let mut batches = stream.follow(&[], Severity::Debug, 1);
    let batch = timeout(LINE_LIMIT, batches.recv()).await.ok()??.ok()?;
    let micros = batch.lines.iter().map(|line| line.time).max()?;
    let now = u64::try_from(Timestamp::now().as_microsecond()).ok()?;
    Some(clock_finding(micros, now))
}

/// Compares the time of a line with that at which it has come, in microseconds.
fn clock_finding(line: u64, now: u64) -> Finding {
    let ahead = Duration::from_micros(line.saturating_sub(now));
    if ahead <= MAX_AHEAD {
        return Finding::ok("clock", "node", "is not ahead of the clock of this machine");
    }
    let found = format!("is {:.1} s ahead of the clock of this machine", ahead.as_secs_f64());
    Finding::warning(
        "clock",
        "node",
        found,
        "synchronize both clocks, such as with chrony or systemd-timesyncd",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Verdict;

    #[test]
    fn clock_that_is_ahead_is_a_warning() {
        for (line, verdict) in [
            (0, Verdict::Ok),
            (60_000_000, Verdict::Ok),
            (61_000_000, Verdict::Ok),
            (61_100_000, Verdict::Warning),
            (u64::MAX, Verdict::Warning),
        ] {
            assert_eq!(clock_finding(line, 60_000_000).verdict, verdict, "{line}");
        }
    }

    #[test]
    fn few_open_files_are_a_warning() {
        for (files, verdict) in
            [(Some(100), Verdict::Warning), (Some(1_024), Verdict::Ok), (None, Verdict::Ok)]
        {
            assert_eq!(limits_finding(files).verdict, verdict, "{files:?}");
        }
    }
}
