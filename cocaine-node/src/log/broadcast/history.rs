//! The last lines: of each app what its workers have printed, and the messages of all sources together.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::line::{LogLine, LogSelection};

/// How many bytes of an app's lines are kept.
const APP_BYTES: usize = 128 << 10;
/// Of how many apps lines are kept.
const MAX_APPS: usize = 64;
/// How many bytes of messages are kept.
const MESSAGE_BYTES: usize = 1 << 20;

/// A line with its number, in the order in which all lines came.
type NumberedLine = (u64, Arc<LogLine>);

#[derive(Debug, Default)]
pub(super) struct History {
    next_number: u64,
    /// What workers have printed, by the sources of their apps.
    apps: BTreeMap<String, LineRing>,
    messages: LineRing,
}

impl History {
    pub(super) fn push(&mut self, line: Arc<LogLine>) {
        let number = self.next_number;
        self.next_number += 1;
        if line.worker.is_none() {
            self.messages.push((number, line), MESSAGE_BYTES);
            return;
        }
        if !self.apps.contains_key(&line.source) {
            if self.apps.len() == MAX_APPS {
                self.remove_quietest_app();
            }
            self.apps.insert(line.source.clone(), LineRing::default());
        }
        if let Some(ring) = self.apps.get_mut(&line.source) {
            ring.push((number, line), APP_BYTES);
        }
    }

    /// Removes the app whose last line is the oldest.
    fn remove_quietest_app(&mut self) {
        let quietest = self.apps.iter().min_by_key(|(_, ring)| ring.last_number());
        if let Some(source) = quietest.map(|(source, _)| source.clone()) {
            self.apps.remove(&source);
        }
    }

    /// Returns the last lines that a selection asks for, in the order in which they came.
    pub(super) fn last(&self, selection: &LogSelection) -> Vec<Arc<LogLine>> {
        if selection.history_len() == 0 {
            return Vec::new();
        }
        let rings = self.apps.values().chain([&self.messages]);
        let mut lines: Vec<&NumberedLine> =
            rings.flat_map(|ring| &ring.lines).filter(|(_, line)| selection.matches(line)).collect();
        lines.sort_unstable_by_key(|(number, _)| *number);
        let skipped = lines.len().saturating_sub(selection.history_len());
        lines.into_iter().skip(skipped).map(|(_, line)| line.clone()).collect()
    }
}

/// Lines of limited size together.
#[derive(Debug, Default)]
struct LineRing {
    lines: VecDeque<NumberedLine>,
    size: usize,
}

impl LineRing {
    fn push(&mut self, line: NumberedLine, limit: usize) {
        self.size += line.1.weight();
        self.lines.push_back(line);
        while self.size > limit {
            let Some((_, oldest)) = self.lines.pop_front() else { break };
            self.size -= oldest.weight();
        }
    }

    fn last_number(&self) -> Option<u64> {
        self.lines.back().map(|(number, _)| *number)
    }
}
