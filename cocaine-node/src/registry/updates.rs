//! The stream of changes that one consumer reads.

use std::{
    future::poll_fn,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use tokio::sync::mpsc;

use super::{Registry, ServiceMap, SubscriptionError};

/// How many changes may wait for a consumer; one that falls further behind has to updates again, and then gets all.
pub(super) const MAX_PENDING_UPDATES: usize = 1024;

/// The end that the registry keeps.
pub(super) struct UpdateSender {
    id: u64,
    updates: mpsc::Sender<Arc<ServiceMap>>,
    ended: Arc<OnceLock<SubscriptionError>>,
}

/// The end that a consumer reads: all services at first, then one for each change.
#[derive(Debug)]
pub struct ServiceUpdates {
    uuid: String,
    id: u64,
    updates: mpsc::Receiver<Arc<ServiceMap>>,
    ended: Arc<OnceLock<SubscriptionError>>,
    registry: Registry,
}

pub(super) fn channel(registry: Registry, uuid: &str, id: u64) -> (UpdateSender, ServiceUpdates) {
    let (sender, updates) = mpsc::channel(MAX_PENDING_UPDATES);
    let ended = Arc::new(OnceLock::new());
    let sender = UpdateSender { id, updates: sender, ended: ended.clone() };
    (sender, ServiceUpdates { uuid: uuid.to_owned(), id, updates, ended, registry })
}

impl UpdateSender {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Hands an update to the consumer; returns whether it is still worth keeping.
    pub(super) fn send(&self, update: Arc<ServiceMap>) -> bool {
        let sent = self.updates.try_send(update).is_ok();
        if !sent {
            self.ended.get_or_init(|| SubscriptionError::Lagged);
        }
        sent
    }

    /// Ends the stream after what was sent.
    pub(super) fn end(self, why: SubscriptionError) {
        self.ended.get_or_init(|| why);
    }
}

impl ServiceUpdates {
    /// Waits for the next update.
    pub async fn next(&mut self) -> Result<Arc<ServiceMap>, SubscriptionError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Returns the next update, or wakes the task once there is one.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arc<ServiceMap>, SubscriptionError>> {
        let update = ready!(self.updates.poll_recv(cx));
        Poll::Ready(update.ok_or_else(|| self.ended.get().copied().unwrap_or(SubscriptionError::Stopped)))
    }
}

impl Drop for ServiceUpdates {
    fn drop(&mut self) {
        self.registry.unsubscribe(&self.uuid, self.id);
    }
}
