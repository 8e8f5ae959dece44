//! Calls with a stream as reply.

use cocaine::{Endpoint, Error, Limits, ReplySender, Result, Sender, Stream, server::Caller, server::Server};
use cocaine_bindings::{LocatorServer, ServeLocator};
use std::{
    collections::BTreeMap, pin::Pin, sync::Arc, sync::atomic::AtomicUsize, sync::atomic::Ordering,
    task::Context, task::Poll,
};
use test_support::{raw::RawConnection, wait::TIMEOUT, wait::wait_until};
use tokio::time::timeout;

/// Decrements the count on drop.
struct RunningGuard(Arc<AtomicUsize>);

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream of one item that never ends.
struct EndlessStream {
    first: bool,
    _alive: RunningGuard,
}

impl Stream for EndlessStream {
    type Item = Result<(String, BTreeMap<String, cocaine::ServiceInfo>)>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.first) {
            return Poll::Ready(Some(Ok(("first".to_owned(), BTreeMap::new()))));
        }
        Poll::Pending
    }
}

/// A locator that only serves streams. Counts those that run.
#[derive(Clone, Default)]
struct StreamLocator(Arc<AtomicUsize>);

impl LocatorServer for StreamLocator {
    async fn resolve(&self, _: &str, _: Option<&str>) -> Result<cocaine::ServiceInfo> {
        Err(Error::unbound())
    }

    fn connect(
        &self,
        _: &str,
    ) -> impl Stream<Item = <EndlessStream as Stream>::Item> + Send + 'static + use<> {
        self.0.fetch_add(1, Ordering::Relaxed);
        EndlessStream { first: true, _alive: RunningGuard(self.0.clone()) }
    }

    async fn refresh(&self, _: &[&str]) -> Result<()> {
        Err(Error::unbound())
    }

    async fn cluster(&self) -> Result<BTreeMap<String, Endpoint>> {
        Err(Error::unbound())
    }

    async fn publish(
        &self,
        _: &str,
        _: &[Endpoint],
        _: Option<(u64, cocaine::graph::Graph)>,
        _: cocaine_bindings::locator::PublishReceiver,
        _: ReplySender<()>,
    ) -> Result<()> {
        Err(Error::unbound())
    }

    async fn routing(
        &self,
        _: &str,
        _: cocaine_bindings::locator::RoutingReceiver,
        _: Sender<BTreeMap<String, Vec<(u32, String)>>>,
    ) -> Result<()> {
        Err(Error::unbound())
    }

    async fn uuid(&self) -> Result<String> {
        Err(Error::unbound())
    }
}

#[tokio::test]
async fn streams_of_a_disconnected_client_are_dropped() {
    let streams = StreamLocator::default();
    let made = streams.clone();
    let server =
        Server::bind("127.0.0.1:0", ServeLocator::new(move |_: &Caller| made.clone())).await.unwrap();
    let alive = || streams.0.load(Ordering::Relaxed);
    let mut raw = RawConnection::connect(server.local_addr()).await;
    let count = Limits::default().max_invocations + 10;
    for id in 1..=count {
        let [high, low] = u16::try_from(id).unwrap().to_be_bytes();
        raw.write(&[0x93, 0xcd, high, low, 1, 0x91, 0xa1, b'u']).await;
    }
    wait_until("all streams run", async || alive() == count).await;
    drop(raw);
    wait_until("all streams are dropped", async || alive() == 0).await;

    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(b"\x93\x01\x01\x91\xa1u").await;
    wait_until("the stream runs", async || alive() == 1).await;
    timeout(TIMEOUT, server.shutdown()).await.expect("a stream does not hold the server up");
    assert_eq!(alive(), 0);
}
