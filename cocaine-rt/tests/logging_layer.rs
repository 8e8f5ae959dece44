//! The `tracing` layer, against a `logging` that a test scripts.

#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use cocaine::{Client, Result, Scalar, Severity, Trace, logging::LoggingLayer, server::Server};
use cocaine_bindings::{Logging, LoggingClient, ServeLogging};
use test_locator::TestLocator;
use test_support::{address::ReservedAddress, wait::wait_until};
use tokio::sync::Semaphore;
use tracing::{Instrument, debug, error, info, info_span, level_filters::LevelFilter, trace, warn};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

/// How long a flush may take before a test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// What `emit` was called with.
#[derive(Clone, Debug, PartialEq)]
struct Emitted {
    severity: Severity,
    source: String,
    message: String,
    attributes: Vec<(String, Scalar)>,
}

impl Emitted {
    fn attribute(&self, name: &str) -> Option<String> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.to_string())
    }
}

/// A `logging` that keeps what it gets.
#[derive(Clone)]
struct TestLogging {
    emitted: Arc<Mutex<Vec<Emitted>>>,
    /// Each message takes a permit.
    permits: Arc<Semaphore>,
}

impl TestLogging {
    fn new() -> Self {
        Self { emitted: Arc::default(), permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS / 2)) }
    }

    fn emitted(&self) -> Vec<Emitted> {
        self.emitted.lock().unwrap().clone()
    }

    fn messages(&self) -> Vec<String> {
        self.emitted().into_iter().map(|emitted| emitted.message).collect()
    }

    async fn serve(&self, address: &str) -> Server {
        let logging = self.clone();
        Server::bind(address, ServeLogging::new(move |_| logging.clone())).await.unwrap()
    }
}

impl Logging for TestLogging {
    async fn emit(
        &self,
        severity: Severity,
        source: &str,
        message: &str,
        attributes: Option<&[(&str, Scalar)]>,
    ) -> Result<()> {
        let attributes = attributes.unwrap_or_default().iter();
        let attributes = attributes.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let (source, message) = (source.to_owned(), message.to_owned());
        self.emitted.lock().unwrap().push(Emitted { severity, source, message, attributes });
        Ok(())
    }

    async fn verbosity(&self) -> Result<Severity> {
        self.permits.acquire().await.unwrap().forget();
        Ok(Severity::Debug)
    }

    async fn set_verbosity(&self, _: Severity) -> Result<()> {
        Ok(())
    }
}

/// A `logging`, a locator that knows it, and a layer that sends to it.
struct Fixture {
    logging: TestLogging,
    layer: LoggingLayer,
    server: Server,
    _locator: Server,
}

impl Fixture {
    async fn start() -> Self {
        Self::at("127.0.0.1:0").await
    }

    async fn at(address: &str) -> Self {
        let logging = TestLogging::new();
        let server = logging.serve(address).await;
        let names = TestLocator::default();
        names.add::<LoggingClient>("logging", server.local_addr());
        let locator = names.serve("127.0.0.1:0").await;
        let layer = layer(locator.local_addr());
        Self { logging, layer, server, _locator: locator }
    }

    async fn flush(&self) {
        self.layer.flush(PATIENCE).await.unwrap();
    }
}

fn layer(locator: SocketAddr) -> LoggingLayer {
    LoggingLayer::start(&Client::new(&locator.to_string()).unwrap(), "app/echo").unwrap()
}

#[tokio::test]
async fn events_are_sent_with_severity_and_fields() {
    let fixture = Fixture::start().await;
    let _guard = tracing_subscriber::registry()
        .with(fixture.layer.clone().max_level(LevelFilter::TRACE))
        .set_default();
    error!("one");
    warn!(number = 7, "two");
    info!(text = "a", flag = true, ratio = 0.5, shown = ?Some(1), "three {}", 3);
    debug!("four");
    trace!(name: "named", target: "elsewhere", "five");
    fixture.flush().await;
    let emitted = fixture.logging.emitted();
    let severities: Vec<_> = emitted.iter().map(|emitted| i32::from(emitted.severity)).collect();
    assert_eq!(severities, [3, 2, 1, 0, 0]);
    assert_eq!(fixture.logging.messages(), ["one", "two", "three 3", "four", "five"]);
    assert!(emitted.iter().all(|emitted| emitted.source == "app/echo"));
    let expected: [(&str, Scalar); 5] = [
        ("text", "a".into()),
        ("flag", true.into()),
        ("ratio", 0.5.into()),
        ("shown", "Some(1)".into()),
        ("target", "logging_layer".into()),
    ];
    assert_eq!(emitted[2].attributes, expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(emitted[4].attribute("target").as_deref(), Some("elsewhere"));
}

#[tokio::test]
async fn quieter_events_are_not_sent() {
    let fixture = Fixture::start().await;
    let _guard = tracing_subscriber::registry().with(fixture.layer.clone()).set_default();
    debug!("too quiet");
    info!("loud enough");
    fixture.flush().await;
    assert_eq!(fixture.logging.messages(), ["loud enough"]);
}

#[tokio::test]
async fn spans_and_traces_become_attributes() {
    let fixture = Fixture::start().await;
    let _guard = tracing_subscriber::registry().with(fixture.layer.clone()).set_default();
    let trace = Trace { trace_id: 0xabc, span_id: 2, parent_id: 1 };
    let outer = info_span!("outer", user = "Ada", count = 1, later = tracing::field::Empty);
    let run = async {
        tokio::task::yield_now().await;
        outer.record("later", 3);
        let inner = info_span!("inner", count = 2);
        let _inner = inner.enter();
        info!("within");
    };
    trace.scope(run.instrument(outer.clone())).await;
    info!("without");
    fixture.flush().await;
    let emitted = fixture.logging.emitted();
    let get = |name| emitted[0].attribute(name).unwrap();
    assert_eq!(["user", "count", "later", "span"].map(get), ["Ada", "2", "3", "outer:inner"]);
    let ids = ["0000000000000abc", "0000000000000002", "0000000000000001"];
    assert_eq!(["trace_id", "span_id", "parent_id"].map(get), ids);
    assert_eq!(emitted[1].attributes, [("target".to_owned(), "logging_layer".into())]);
}

#[tokio::test]
async fn events_of_this_crate_are_not_sent() {
    let fixture = Fixture::start().await;
    let _guard = tracing_subscriber::registry()
        .with(fixture.layer.clone().max_level(LevelFilter::TRACE))
        .set_default();
    info!(target: "cocaine::client", "own");
    info!(target: "cocaine", "own");
    info!(target: "cocaine_app", "of an app");
    fixture.flush().await;
    assert_eq!(fixture.logging.messages(), ["of an app"]);
}

#[tokio::test]
async fn full_queue_loses_events_and_reports_them() {
    // Nothing can be sent before there is a locator.
    let address = ReservedAddress::new();
    let layer = layer(address.get());
    let guard = tracing_subscriber::registry().with(layer.clone()).set_default();
    for number in 0..10_000 {
        info!(number, "flood");
    }
    let lost = layer.lost();
    assert!(lost > 0 && lost <= 10_000 - 8192, "{lost}");
    let before = layer.flush(Duration::from_millis(1)).await;
    assert!(before.is_err(), "nothing is there that could take the events");

    let logging = TestLogging::new();
    let server = logging.serve("127.0.0.1:0").await;
    let names = TestLocator::default();
    names.add::<LoggingClient>("logging", server.local_addr());
    let _locator = names.serve(address.get()).await;
    layer.flush(PATIENCE).await.unwrap();
    info!("after");
    layer.flush(PATIENCE).await.unwrap();
    let messages = logging.messages();
    let report = format!("{lost} events were lost: more came than could be sent");
    assert_eq!(messages.iter().filter(|message| **message == report).count(), 1);
    assert_eq!(messages.iter().filter(|message| *message == "flood").count() as u64, 10_000 - lost);
    assert_eq!(messages.last().map(String::as_str), Some("after"));
    drop(guard);
}

#[tokio::test]
async fn lost_connection_is_replaced() {
    let address = ReservedAddress::new();
    let fixture = Fixture::at(&address.get().to_string()).await;
    let _guard = tracing_subscriber::registry().with(fixture.layer.clone()).set_default();
    info!("before");
    fixture.flush().await;
    fixture.server.shutdown().await;
    let again = TestLogging::new();
    let _server = again.serve(&address.get().to_string()).await;
    // An event on its way while the connection breaks may be lost, later ones are not.
    wait_until("an event arrives", async || {
        info!("after");
        fixture.layer.flush(PATIENCE).await.unwrap();
        again.messages().contains(&"after".to_owned())
    })
    .await;
    assert_eq!(fixture.logging.messages(), ["before"]);
}

#[tokio::test]
async fn flush_is_limited() {
    let fixture = Fixture::start().await;
    let _guard = tracing_subscriber::registry().with(fixture.layer.clone()).set_default();
    fixture.logging.permits.forget_permits(usize::MAX >> 4);
    info!("first");
    assert!(fixture.layer.flush(Duration::from_millis(10)).await.is_err());
    fixture.logging.permits.add_permits(10);
    fixture.flush().await;
    assert_eq!(fixture.logging.messages(), ["first"]);
}
