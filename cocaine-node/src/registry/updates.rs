//! The stream of service updates for one subscriber.

use std::{
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use tokio::sync::mpsc;

use super::{Registry, ServiceMap, SubscriptionError};

/// The number of updates that may be queued for a subscriber. One that falls further behind is cut off; when it
/// subscribes again, it gets all services.
pub(super) const MAX_PENDING_UPDATES: usize = 1024;

/// The sending half, which the registry keeps.
pub(super) struct UpdateSender {
    id: u64,
    updates: mpsc::Sender<Arc<ServiceMap>>,
    ended: Arc<OnceLock<SubscriptionError>>,
}

/// The receiving half of a subscription: all services first, then an update for each change.
#[derive(Debug)]
pub(crate) struct ServiceUpdates {
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

    /// Queues an update. Returns `false` if the subscriber is gone or cut off.
    pub(super) fn send(&self, update: Arc<ServiceMap>) -> bool {
        let sent = self.updates.try_send(update).is_ok();
        if !sent {
            self.ended.get_or_init(|| SubscriptionError::Lagged);
        }
        sent
    }

    /// Ends the stream after the updates that are queued.
    pub(super) fn end(self, why: SubscriptionError) {
        self.ended.get_or_init(|| why);
    }
}

impl ServiceUpdates {
    /// Waits for the next update.
    #[cfg(test)]
    pub(crate) async fn next(&mut self) -> Result<Arc<ServiceMap>, SubscriptionError> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next update.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Arc<ServiceMap>, SubscriptionError>> {
        let update = ready!(self.updates.poll_recv(cx));
        Poll::Ready(update.ok_or_else(|| self.ended.get().copied().unwrap_or(SubscriptionError::Stopped)))
    }
}

impl Drop for ServiceUpdates {
    fn drop(&mut self) {
        self.registry.unsubscribe(&self.uuid, self.id);
    }
}
