//! Who may fetch at once: so many calls of all clients, and so many of each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of calls that fetch.
#[derive(Debug)]
pub(super) struct FetchPermits {
    all: Arc<Semaphore>,
    each: usize,
    /// Those of the clients that fetch or wait.
    clients: Mutex<HashMap<Box<str>, Weak<Semaphore>>>,
}

/// A place among those of a client, and among those of all.
#[derive(Debug)]
pub(super) struct FetchPermit {
    _of_client: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl FetchPermits {
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), each, clients: Mutex::default() }
    }

    /// Waits for a place: first for one of the client's own, so that one client alone keeps nobody from fetching.
    pub(super) async fn take(&self, client: &str) -> FetchPermit {
        let own = self.of(client);
        // Neither is ever closed.
        FetchPermit {
            _of_client: own.acquire_owned().await.ok(),
            _of_all: self.all.clone().acquire_owned().await.ok(),
        }
    }

    fn of(&self, client: &str) -> Arc<Semaphore> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(client).and_then(Weak::upgrade) {
            return known;
        }
        clients.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(self.each));
        clients.insert(client.into(), Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn now(places: &FetchPermits, client: &str) -> Option<FetchPermit> {
        places.take(client).now_or_never()
    }

    #[test]
    fn client_limit_leaves_permits_for_others() {
        let places = FetchPermits::new(3, 2);
        let (first, _second) = (now(&places, "a").unwrap(), now(&places, "a").unwrap());
        assert!(now(&places, "a").is_none(), "it has two");
        let third = now(&places, "b").unwrap();
        assert!(now(&places, "b").is_none(), "all are taken");
        assert!(now(&places, "c").is_none());
        drop(first);
        let _fourth = now(&places, "b").expect("a place that is free");
        drop(third);
        let _fifth = now(&places, "a").expect("one of its own is free again");
    }

    #[test]
    fn departed_clients_leave_nothing_behind() {
        let places = FetchPermits::new(3, 2);
        for client in 0..100 {
            drop(now(&places, &client.to_string()).unwrap());
        }
        assert_eq!(places.clients.lock().unwrap().len(), 1);
    }
}
