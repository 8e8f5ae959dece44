//! The stream of changes that one consumer reads.

use std::{
    future::poll_fn,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use tokio::sync::mpsc;

use super::{Ended, Registry, Services};

/// How many changes may wait for a consumer; one that falls further behind has to link again, and then gets all.
pub(super) const BACKLOG: usize = 1024;

/// The end that the registry keeps.
pub(super) struct Outlet {
    id: u64,
    updates: mpsc::Sender<Arc<Services>>,
    ended: Arc<OnceLock<Ended>>,
}

/// The end that a consumer reads: all services at first, then one for each change.
#[derive(Debug)]
pub struct Link {
    uuid: String,
    id: u64,
    updates: mpsc::Receiver<Arc<Services>>,
    ended: Arc<OnceLock<Ended>>,
    registry: Registry,
}

pub(super) fn pair(registry: Registry, uuid: &str, id: u64) -> (Outlet, Link) {
    let (sender, updates) = mpsc::channel(BACKLOG);
    let ended = Arc::new(OnceLock::new());
    let outlet = Outlet { id, updates: sender, ended: ended.clone() };
    (outlet, Link { uuid: uuid.to_owned(), id, updates, ended, registry })
}

impl Outlet {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Hands an update to the consumer; returns whether it is still worth keeping.
    pub(super) fn send(&self, update: Arc<Services>) -> bool {
        let sent = self.updates.try_send(update).is_ok();
        if !sent {
            self.ended.get_or_init(|| Ended::Lagged);
        }
        sent
    }

    /// Ends the stream after what was sent.
    pub(super) fn end(self, why: Ended) {
        self.ended.get_or_init(|| why);
    }
}

impl Link {
    /// Waits for the next update.
    pub async fn next(&mut self) -> Result<Arc<Services>, Ended> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Returns the next update, or wakes the task once there is one.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arc<Services>, Ended>> {
        let update = ready!(self.updates.poll_recv(cx));
        Poll::Ready(update.ok_or_else(|| self.ended.get().copied().unwrap_or(Ended::Stopped)))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.registry.unlink(&self.uuid, self.id);
    }
}
