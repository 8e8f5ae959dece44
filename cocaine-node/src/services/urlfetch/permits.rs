//! Limits concurrent fetches, in total and for each client.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The semaphores of concurrent fetches.
#[derive(Debug)]
pub(super) struct FetchPermits {
    total: Arc<Semaphore>,
    per_client: usize,
    /// The semaphores of the clients that fetch or wait.
    clients: Mutex<HashMap<Box<str>, Weak<Semaphore>>>,
}

/// The permits of one fetch.
#[derive(Debug)]
pub(super) struct FetchPermit {
    _client: Option<OwnedSemaphorePermit>,
    _total: Option<OwnedSemaphorePermit>,
}

impl FetchPermits {
    pub(super) fn new(total: usize, per_client: usize) -> Self {
        Self { total: Arc::new(Semaphore::new(total)), per_client, clients: Mutex::default() }
    }

    /// Waits for a permit of the client and then for one of the total, so that the calls of one client that wait for
    /// each other do not occupy the total.
    pub(super) async fn acquire(&self, client: &str) -> FetchPermit {
        let own = self.client_semaphore(client);
        // The semaphores are never closed.
        FetchPermit {
            _client: own.acquire_owned().await.ok(),
            _total: self.total.clone().acquire_owned().await.ok(),
        }
    }

    fn client_semaphore(&self, client: &str) -> Arc<Semaphore> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(client).and_then(Weak::upgrade) {
            return known;
        }
        clients.retain(|_, permits| permits.strong_count() > 0);
        let permits = Arc::new(Semaphore::new(self.per_client));
        clients.insert(client.into(), Arc::downgrade(&permits));
        permits
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn try_acquire(permits: &FetchPermits, client: &str) -> Option<FetchPermit> {
        permits.acquire(client).now_or_never()
    }

    #[test]
    fn client_limit_leaves_permits_for_others() {
        let permits = FetchPermits::new(3, 2);
        let (first, _second) = (try_acquire(&permits, "a").unwrap(), try_acquire(&permits, "a").unwrap());
        assert!(try_acquire(&permits, "a").is_none(), "it has two");
        let third = try_acquire(&permits, "b").unwrap();
        assert!(try_acquire(&permits, "b").is_none(), "all are taken");
        assert!(try_acquire(&permits, "c").is_none());
        drop(first);
        let _fourth = try_acquire(&permits, "b").expect("a free permit");
        drop(third);
        let _fifth = try_acquire(&permits, "a").expect("one of its own is free again");
    }

    #[test]
    fn departed_clients_leave_nothing_behind() {
        let permits = FetchPermits::new(3, 2);
        for client in 0..100 {
            drop(try_acquire(&permits, &client.to_string()).unwrap());
        }
        assert_eq!(permits.clients.lock().unwrap().len(), 1);
    }
}
