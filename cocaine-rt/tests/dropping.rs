//! The frames that a service reads when a client drops one half of a session.

#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use cocaine::{Client, Receiver, ServiceClient, Severity, Value, graph::Graph};
use cocaine_bindings::{
    App, AppClient, Chrono, ChronoClient, Isolate, IsolateClient, Locator, LocatorClient, LoggingV2,
    LoggingV2Client, chrono::TimerId,
};
use test_locator::TestLocator;
use test_support::{raw::RawConnection, wait::TIMEOUT};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Returns a client of a service that announces `graph`, the raw connection of that service, and a guard that keeps
/// the locator running.
async fn announced<C: ServiceClient>(graph: Graph) -> (C, RawConnection<TcpStream>, impl Sized) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let names = TestLocator::default();
    names.announce("scripted", listener.local_addr().unwrap(), graph, C::SPEC.version);
    let locator = names.serve("127.0.0.1:0").await;
    let client = Client::new(&locator.local_addr().to_string()).unwrap();
    let (client, peer) = tokio::join!(client.service_named("scripted"), listener.accept());
    (client.unwrap(), RawConnection::new(peer.unwrap().0), locator)
}

async fn scripted<C: ServiceClient>() -> (C, RawConnection<TcpStream>, impl Sized) {
    announced(C::SPEC.graph()).await
}

/// Returns the graph without control messages, as older runtimes announce it.
fn without_controls<C: ServiceClient>() -> Graph {
    Graph::new(C::SPEC.methods.iter().map(cocaine::bind::MethodSpec::method))
}

/// Returns the frame that revokes a channel with a non-zero code; it opens the next channel.
fn revoke(channel: u8) -> Vec<u8> {
    vec![0x93, channel + 1, 0xcd, 0xff, 0xff, 0x92, channel, 0x92, 0x0c, 0x7d]
}

#[tokio::test]
async fn dropped_sender_sends_its_terminal_message() {
    let (locator, mut peer, _alive) = scripted::<LocatorClient>().await;
    let publication = locator.publish("s", &[], None).await.unwrap();
    peer.expect(b"\x93\x01\x04\x92\xa1s\x90").await;
    drop(publication);
    peer.expect(b"\x93\x01\x00\x90").await;
    let routing = locator.routing("r").await.unwrap();
    peer.expect(b"\x93\x02\x05\x91\xa1r").await;
    drop(routing.tx);
    peer.expect(b"\x93\x02\x00\x90").await;

    let (isolate, mut peer, _alive) = scripted::<IsolateClient>().await;
    let args = Value::Map(Vec::new());
    let spooling = isolate.spool(&args, "a").await.unwrap();
    peer.expect(b"\x93\x01\x00\x92\x80\xa1a").await;
    drop(spooling);
    peer.expect(b"\x93\x01\x00\x90").await;
    let running = isolate.spawn(&args, "a", "/a", &[].into(), &[].into()).await.unwrap();
    peer.expect(b"\x93\x02\x01\x95\x80\xa1a\xa2/a\x80\x80").await;
    drop(running);
    peer.expect(b"\x93\x02\x00\x90").await;
}

#[tokio::test]
async fn finished_sender_sends_nothing_on_drop() {
    let (isolate, mut peer, _alive) = scripted::<IsolateClient>().await;
    let spooling = isolate.spool(&Value::Nil, "a").await.unwrap();
    spooling.tx.cancel().await.unwrap();
    drop(spooling.rx);
    let metrics = isolate.metrics(&["u"]).await.unwrap();
    drop(metrics);
    isolate.metrics(&[]).await.unwrap();
    peer.expect(b"\x93\x01\x00\x92\xc0\xa1a\x93\x01\x00\x90\x93\x02\x02\x91\x91\xa1u\x93\x03\x02\x91\x90")
        .await;
}

#[tokio::test]
async fn sender_without_terminal_message_revokes_on_drop() {
    let (logging, mut peer, _alive) = scripted::<LoggingV2Client>().await;
    let logger = logging.get("l").await.unwrap();
    let tx = logger.tx.emit(Severity::Info, "m", None).await.unwrap();
    peer.expect(b"\x93\x01\x04\x91\xa1l\x93\x01\x00\x92\x01\xa1m").await;
    drop((tx, logger.rx));
    peer.expect(&revoke(1)).await;

    let (app, mut peer, _alive) = scripted::<AppClient>().await;
    let control = app.control().await.unwrap();
    peer.expect(b"\x93\x01\x02\x90").await;
    drop(control);
    peer.expect(&revoke(1)).await;
}

#[tokio::test]
async fn sender_that_cannot_revoke_closes_the_connection() {
    let (logging, mut peer, _alive) =
        announced::<LoggingV2Client>(without_controls::<LoggingV2Client>()).await;
    let logger = logging.get("l").await.unwrap();
    peer.expect(b"\x93\x01\x04\x91\xa1l").await;
    drop(logger);
    peer.expect_end().await;

    let (isolate, mut peer, _alive) = announced::<IsolateClient>(without_controls::<IsolateClient>()).await;
    drop(isolate.spool(&Value::Nil, "a").await.unwrap());
    isolate.metrics(&[]).await.unwrap();
    peer.expect(b"\x93\x01\x00\x92\xc0\xa1a\x93\x01\x00\x90\x93\x02\x02\x91\x90").await;
}

#[tokio::test]
async fn late_frames_of_a_dropped_stream_are_discarded() {
    let (chrono, mut peer, _alive) = scripted::<ChronoClient>().await;
    let mut ticks = chrono.notify_every(1.0, None);
    peer.write(b"\x93\x01\x00\x91\x07").await;
    assert_eq!(timeout(TIMEOUT, ticks.recv()).await.unwrap().unwrap().unwrap(), TimerId(7));
    drop(ticks);
    peer.write(b"\x93\x01\x00\x91\x07\x93\x01\x02\x90\x93\x02\x00\x90").await;
    timeout(TIMEOUT, chrono.cancel(TimerId(7))).await.unwrap().unwrap();
    peer.expect(b"\x93\x01\x01\x91\xcb\x3f\xf0\0\0\0\0\0\0\x93\x02\x02\x91\x07").await;
}

#[tokio::test]
async fn sender_and_receiver_are_independent() {
    let (logging, mut peer, _alive) = scripted::<LoggingV2Client>().await;
    let cocaine::Duplex { tx, rx } = logging.get("l").await.unwrap();
    peer.expect(b"\x93\x01\x04\x91\xa1l").await;
    drop(rx);
    peer.write(b"\x93\x01\x00\x91\xc3").await;
    let tx = tx.emit_ack(Severity::Error, "m", None).await.unwrap();
    peer.expect(b"\x93\x01\x01\x92\x03\xa1m").await;
    drop(tx);
    peer.expect(&revoke(1)).await;

    let (isolate, mut peer, _alive) = scripted::<IsolateClient>().await;
    let cocaine::Duplex { tx, rx } =
        isolate.spawn(&Value::Nil, "a", "e", &[].into(), &[].into()).await.unwrap();
    let mut output: Receiver<_> = rx;
    let reading = tokio::spawn(async move { (output.recv().await, output.recv().await) });
    tx.kill().await.unwrap();
    peer.expect(b"\x93\x01\x01\x95\xc0\xa1a\xa1e\x80\x80\x93\x01\x00\x90").await;
    peer.write(b"\x93\x01\x00\x91\xa0\x93\x01\x02\x90").await;
    let (first, end) = timeout(TIMEOUT, reading).await.unwrap().unwrap();
    assert!(first.unwrap().unwrap().is_empty() && end.is_none());
}
