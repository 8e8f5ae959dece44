//! An event whose client speaks by script.

use std::sync::Arc;

use super::{Context, Incoming, Line, Mode, Outgoing, Session, Shared, Table, lock};
use crate::{bytes::Bytes, error::Result};

/// The client of one event.
pub(crate) struct Script(Shared);

impl Script {
    /// Returns a session whose client sends `chunks` and then, if it `closes`, the end of its stream.
    pub(crate) fn new(chunks: Vec<Result<Bytes>>, closes: bool) -> (Self, Session) {
        let line = Line { chunks: chunks.into(), gone: closes, ..Line::default() };
        let line = Arc::new(std::sync::Mutex::new(line));
        let (incoming, outgoing) = (Incoming(line.clone()), Outgoing(line.clone()));
        (Self(line), Session { context: Context, incoming, outgoing })
    }

    /// The client leaves.
    pub(crate) fn leave(&self) {
        let mut line = lock(&self.0);
        line.gone = true;
        if let Some(waker) = line.waker.take() {
            waker.wake();
        }
    }

    /// Returns what was sent, and how it ended: `None` if it has not.
    pub(crate) fn sent(&self) -> (Vec<Bytes>, Option<Result<()>>) {
        let line = lock(&self.0);
        (line.sent.clone(), line.end.clone())
    }
}

impl Table {
    /// Returns the names and the modes of the events.
    pub(crate) fn listed(&self) -> Vec<(&'static str, Mode)> {
        self.0.iter().map(|(name, mode, _)| (*name, *mode)).collect()
    }

    /// Runs the handler of `event`.
    pub(crate) async fn run(&self, event: &str, session: Session) {
        let (.., handler) = self.0.iter().find(|(name, ..)| *name == event).unwrap();
        handler(session).await;
    }
}
