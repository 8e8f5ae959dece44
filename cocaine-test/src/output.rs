//! What workers have printed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use cocaine_node::log::{LogBatch, LogFollower, LogLine};
use tokio::sync::watch;

/// How many lines of an app are kept.
const KEPT_LINES: usize = 10_000;
/// How many lines errors show.
const SHOWN_LINES: usize = 20;

/// The lines of all apps; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerOutput(Arc<watch::Sender<Lines>>);

type Lines = BTreeMap<String, VecDeque<String>>;

impl WorkerOutput {
    /// Prints and keeps what workers print, until the node has stopped.
    pub(crate) async fn record(self, mut follower: LogFollower) {
        while let Some(LogBatch { lost, lines }) = follower.recv().await {
            if lost > 0 {
                println!("({lost} lines are not shown: too many came at once)");
            }
            for line in lines {
                self.add(&line);
            }
        }
    }

    fn add(&self, line: &LogLine) {
        let (Some(_), Some(app)) = (&line.worker, line.source.strip_prefix("app/")) else { return };
        let text = String::from_utf8_lossy(&line.message).into_owned();
        // The harness captures this, since the node's threads descend from the test's.
        println!("[{app}] {text}");
        self.0.send_modify(|lines| {
            let lines = lines.entry(app.to_owned()).or_default();
            lines.push_back(text);
            if lines.len() > KEPT_LINES {
                lines.pop_front();
            }
        });
    }

    /// Returns the lines of an app.
    pub(crate) fn lines(&self, app: &str) -> Vec<String> {
        self.0.borrow().get(app).into_iter().flatten().cloned().collect()
    }

    /// Waits for a line of an app that satisfies a condition, and returns it.
    pub(crate) async fn wait_for(&self, app: &str, mut condition: impl FnMut(&str) -> bool) -> String {
        let mut changes = self.0.subscribe();
        loop {
            let found = changes
                .borrow_and_update()
                .get(app)
                .and_then(|lines| lines.iter().find(|line| condition(line)).cloned());
            if let Some(line) = found {
                return line;
            }
            if changes.changed().await.is_err() {
                // The sender lives as long as this.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Returns the last lines of an app as they follow the text of an error.
    pub(crate) fn describe(&self, app: &str) -> String {
        let lines = self.lines(app);
        if lines.is_empty() {
            return format!("; the app `{app}` has printed nothing");
        }
        let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        format!("; the output of the app `{app}` ends with:\n{}", last.join("\n"))
    }

    /// Returns the last lines of all apps as they follow the text of an error.
    pub(crate) fn describe_all(&self) -> String {
        let apps: Vec<_> = self.0.borrow().keys().cloned().collect();
        apps.iter().map(|app| self.describe(app)).collect()
    }
}
