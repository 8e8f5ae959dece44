//! The services that requests have asked for, kept connected.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use cocaine::{Client, Result, Service};
use quick_cache::{Equivalent, sync::Cache};

/// How many connections are kept.
const KEPT: usize = 4096;

/// Services by their names, some connections each.
#[derive(Debug)]
pub(crate) struct Fleet {
    cloud: Client,
    members: Cache<Place, Member>,
    connections: u32,
    refresh: Duration,
    turn: AtomicU32,
}

#[derive(Clone, Debug)]
struct Member {
    service: Service,
    since: Instant,
}

/// One of the connections to a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place(String, u32);

/// A place whose name is borrowed.
#[derive(Hash)]
struct Asked<'a>(&'a str, u32);

impl Equivalent<Place> for Asked<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        (self.0, self.1) == (place.0.as_str(), place.1)
    }
}

impl Fleet {
    pub(crate) fn new(cloud: Client, connections: u32, refresh: Duration) -> Self {
        let (members, turn) = (Cache::new(KEPT), AtomicU32::new(0));
        Self { cloud, members, connections, refresh, turn }
    }

    /// Returns a service that is connected: in turn one of its connections, which whoever asks for it first makes, and
    /// makes anew when it has become old. Calls that run on an old one are not disturbed.
    pub(crate) async fn get(&self, name: &str) -> Result<Service> {
        let asked = Asked(name, self.turn.fetch_add(1, Ordering::Relaxed) % self.connections);
        if let Some(member) = self.members.get(&asked) {
            if member.since.elapsed() < self.refresh {
                return Ok(member.service);
            }
            self.members.remove_if(&asked, |stale: &Member| stale.since == member.since);
        }
        // Boxed, for it is seldom needed and large.
        Box::pin(self.connect(Place(name.to_owned(), asked.1))).await
    }

    async fn connect(&self, place: Place) -> Result<Service> {
        let connected = self.members.get_or_insert_async(&place, async {
            Ok(Member { service: self.cloud.dynamic(&place.0).await?, since: Instant::now() })
        });
        Ok(connected.await?.service)
    }

    /// Forgets a service that the locator does not know any more.
    pub(crate) fn forget(&self, name: &str) {
        for index in 0..self.connections {
            self.members.remove(&Asked(name, index));
        }
    }

    /// Returns the locator's word that the cloud is there.
    pub(crate) async fn alive(&self) -> Result<()> {
        self.cloud.resolve("locator", None).await.map(drop)
    }
}
