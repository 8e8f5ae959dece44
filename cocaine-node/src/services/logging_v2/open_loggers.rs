//! Limits the number of open named loggers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cocaine::Error;

use crate::errno::{self, Errno};

/// The largest number of open loggers of one connection.
const MAX_PER_CLIENT: usize = 1024;
/// The largest number of open loggers in total.
const MAX_TOTAL: usize = 16_384;

/// Counts the open loggers; clones share the counts.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenLoggers(Arc<Mutex<LoggerCounts>>);

#[derive(Debug, Default)]
struct LoggerCounts {
    total: usize,
    per_client: HashMap<String, usize>,
}

/// Counts one logger as open until it is dropped.
#[derive(Debug)]
pub(super) struct OpenLoggerGuard {
    loggers: OpenLoggers,
    peer: String,
}

impl OpenLoggers {
    /// Counts a logger of `peer` as open, unless a limit is reached.
    pub(super) fn open(&self, peer: &str) -> Result<OpenLoggerGuard, Error> {
        let mut counts = self.counts();
        let own = counts.per_client.get(peer).copied().unwrap_or_default();
        if own == MAX_PER_CLIENT || counts.total == MAX_TOTAL {
            let text =
                format!("too many loggers are open: {own} of yours, of which there may be {MAX_PER_CLIENT}");
            return Err(errno::error(Errno::AGAIN, text));
        }
        counts.total += 1;
        counts.per_client.insert(peer.to_owned(), own + 1);
        Ok(OpenLoggerGuard { loggers: self.clone(), peer: peer.to_owned() })
    }

    fn counts(&self) -> MutexGuard<'_, LoggerCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenLoggerGuard {
    fn drop(&mut self) {
        let mut counts = self.loggers.counts();
        counts.total -= 1;
        if let Some(own) = counts.per_client.get_mut(&self.peer) {
            *own -= 1;
            if *own == 0 {
                counts.per_client.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cocaine::Code;

    use super::*;

    #[test]
    fn open_loggers_are_limited_per_client_and_total() {
        let loggers = OpenLoggers::default();
        let mut open: Vec<_> = (0..MAX_PER_CLIENT).map(|_| loggers.open("a").unwrap()).collect();
        let error = loggers.open("a").unwrap_err();
        assert_eq!(error.code(), Some(Code::posix(11)));
        assert!(error.to_string().contains("1024 of yours"), "{error}");
        for peer in 1..MAX_TOTAL / MAX_PER_CLIENT {
            open.extend((0..MAX_PER_CLIENT).map(|_| loggers.open(&peer.to_string()).unwrap()));
        }
        assert!(loggers.open("b").is_err(), "there are none left");
        open.pop();
        drop(loggers.open("b").unwrap());
        open.clear();
        assert_eq!(loggers.counts().total, 0);
        assert!(loggers.counts().per_client.is_empty());
    }
}
