//! The overseer of an app, whichever generation of the app runs.

use std::sync::Arc;

use arc_swap::ArcSwap;
use cocaine::{Bytes, Error, Receiver, Sender};

use super::{event::request::EventRequest, overseer::Overseer};

/// The overseer of the generation of an app that gets its events; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct CurrentOverseer(Arc<ArcSwap<Overseer>>);

impl CurrentOverseer {
    pub(super) fn new(overseer: Overseer) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(overseer)))
    }

    pub(super) fn load(&self) -> Overseer {
        Overseer::clone(&self.0.load())
    }

    /// Hands all events over to `newer`. Returns the overseer that had them.
    pub(super) fn replace(&self, newer: Overseer) -> Overseer {
        let older = self.load();
        older.hand_over(&newer);
        self.0.store(Arc::new(newer));
        older
    }

    /// Carries an event from its client to a worker and the reply back. An error means that the client's connection has
    /// to be closed.
    pub(crate) async fn handle_event(
        &self,
        request: EventRequest,
        input: Receiver<Bytes>,
        output: Sender<Bytes>,
    ) -> Result<(), Error> {
        let overseer = self.load();
        overseer.handle_event(request, input, output).await
    }

    /// Sets the number of workers to the last number of a control stream, until the stream ends. With zero or less the
    /// events decide (`node.md` 5.2). Returns the error that ended the stream, if it was not closed.
    pub(crate) async fn follow_control(&self, input: &mut Receiver<i32>) -> Option<Error> {
        let error = loop {
            match input.recv().await {
                Some(Ok(workers)) => {
                    self.load().set_manual_target(usize::try_from(workers).unwrap_or_default());
                }
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        self.load().set_manual_target(0);
        error
    }
}
