//! How many named loggers are open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cocaine::Error;

use crate::errno::{self, Errno};

/// How many loggers one connection may have open.
const OWN: usize = 1024;
/// How many may be open at all.
const ALL: usize = 16_384;

/// The loggers that are open; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenLoggers(Arc<Mutex<LoggerCounts>>);

#[derive(Debug, Default)]
struct LoggerCounts {
    all: usize,
    /// By connections.
    own: HashMap<String, usize>,
}

/// A place for one logger, given back when it is dropped.
#[derive(Debug)]
pub(super) struct OpenLoggerGuard {
    seats: OpenLoggers,
    peer: String,
}

impl OpenLoggers {
    /// Takes a place for a logger of `peer`, if there is one.
    pub(super) fn take(&self, peer: &str) -> Result<OpenLoggerGuard, Error> {
        let mut taken = self.taken();
        let own = taken.own.get(peer).copied().unwrap_or_default();
        if own == OWN || taken.all == ALL {
            let text = format!("too many loggers are open: {own} of yours, of which there may be {OWN}");
            return Err(errno::error(Errno::AGAIN, text));
        }
        taken.all += 1;
        taken.own.insert(peer.to_owned(), own + 1);
        Ok(OpenLoggerGuard { seats: self.clone(), peer: peer.to_owned() })
    }

    fn taken(&self) -> MutexGuard<'_, LoggerCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenLoggerGuard {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.all -= 1;
        if let Some(own) = taken.own.get_mut(&self.peer) {
            *own -= 1;
            if *own == 0 {
                taken.own.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cocaine::Category;

    use super::*;

    #[test]
    fn open_loggers_are_limited_per_client_and_total() {
        let seats = OpenLoggers::default();
        let mut taken: Vec<_> = (0..OWN).map(|_| seats.take("a").unwrap()).collect();
        let error = seats.take("a").unwrap_err();
        assert_eq!((error.category(), error.code()), (Some(Category::GENERIC), Some(11)));
        assert!(error.to_string().contains("1024 of yours"), "{error}");
        for peer in 1..ALL / OWN {
            taken.extend((0..OWN).map(|_| seats.take(&peer.to_string()).unwrap()));
        }
        assert!(seats.take("b").is_err(), "there are none left");
        taken.pop();
        drop(seats.take("b").unwrap());
        taken.clear();
        assert_eq!(seats.taken().all, 0);
        assert!(seats.taken().own.is_empty());
    }
}
