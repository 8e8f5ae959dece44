//! Sessions: an app whose events follow the trees of the graph.

use std::collections::BTreeMap;

use cocaine::{
    Bytes, Code, Duplex, Endpoint, Error, ErrorKind, Limits, Receiver, ReplySender, Result, Sender, Value,
    server::Server,
};
use cocaine_bindings::{App, AppClient, AppServer, Locator, LocatorClient, ServeApp};
use test_support::{raw::RawConnection, wait::TIMEOUT, wait::wait_until};
use tokio::{sync::mpsc, time::timeout};

use crate::{test_locator::TestLocator, test_locator::cloud};

/// An app whose behaviour the name of an event selects.
#[derive(Clone)]
struct ScriptedApp(mpsc::UnboundedSender<String>);

impl AppServer for ScriptedApp {
    async fn enqueue(
        &self,
        event: &str,
        tag: Option<&str>,
        mut input: Receiver<Bytes>,
        mut output: Sender<Bytes>,
    ) -> Result<()> {
        match event {
            "echo" => {
                while let Some(chunk) = input.recv().await {
                    output.send(chunk?).await?;
                }
                output.finish()
            }
            "tag" => {
                output.send(tag.unwrap_or("none")).await?;
                output.finish()
            }
            "panic" => {
                output.send("before").await?;
                panic!("as the caller asked")
            }
            "forget" => Ok(()),
            "listen" => {
                let end = input.recv().await;
                self.0.send(end.map_or("the end".to_owned(), |end| end.unwrap_err().to_string())).unwrap();
                Ok(())
            }
            _ => Err(Error::service(Code::UNKNOWN_EVENT, "no handler")),
        }
    }

    async fn info(&self) -> Result<Value> {
        Ok(Value::from("info"))
    }

    async fn control(&self, mut input: Receiver<i32>, output: ReplySender<()>) -> Result<()> {
        loop {
            let item = input.recv().await;
            self.0.send(format!("{item:?}")).unwrap();
            if !matches!(item, Some(Ok(_))) {
                drop(output);
                return Ok(());
            }
        }
    }
}

async fn app() -> (AppClient, Server, Server, mpsc::UnboundedReceiver<String>) {
    let (sender, reports) = mpsc::unbounded_channel();
    let events = ScriptedApp(sender);
    let server = Server::bind("127.0.0.1:0", ServeApp::new(move |_| events.clone())).await.unwrap();
    let (client, locator) = cloud::<AppClient>(&server).await;
    (client.service().await.unwrap(), server, locator, reports)
}

#[tokio::test]
async fn chunks_go_both_ways() {
    let (app, _server, _locator, _said) = app().await;
    let mut event = app.enqueue("echo", None).await.unwrap();
    for size in [0, 5, 5000, 200_000] {
        let chunk = Bytes::from(vec![3; size]);
        event.send(chunk.clone()).await.unwrap();
        assert!(event.recv().await.unwrap().unwrap() == chunk);
    }
    let mut rest = event.finish().unwrap();
    assert!(rest.recv().await.is_none());
    let mut event = app.enqueue("tag", Some("t")).await.unwrap();
    assert_eq!(event.recv().await.unwrap().unwrap(), "t");
    assert_eq!(app.info().await.unwrap(), Value::from("info"));
}

#[tokio::test]
async fn panicking_or_forgotten_event_is_answered_with_error() {
    let (app, _server, _locator, _said) = app().await;
    let mut other = app.enqueue("echo", None).await.unwrap();
    let mut event = app.enqueue("panic", None).await.unwrap();
    assert_eq!(event.recv().await.unwrap().unwrap(), "before");
    let error = event.recv().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(Code::SENDER_DROPPED));
    let mut event = app.enqueue("forget", None).await.unwrap();
    assert!(event.recv().await.unwrap().is_err());
    other.send("still here").await.unwrap();
    assert_eq!(other.recv().await.unwrap().unwrap(), "still here");
}

#[tokio::test]
async fn session_handler_error_closes_the_connection() {
    let (app, server, _locator, _said) = app().await;
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(b"\x93\x01\x00\x91\xa7unknown").await;
    raw.expect_end().await;
    let mut other = app.enqueue("echo", None).await.unwrap();
    let mut event = app.enqueue("unknown", None).await.unwrap();
    for stream in [&mut event, &mut other] {
        let error = timeout(TIMEOUT, stream.recv()).await.unwrap().unwrap().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
    }
}

#[tokio::test]
async fn control_reads_numbers_until_it_is_revoked() {
    let (app, _server, _locator, mut reports) = app().await;
    let mut control = app.control().await.unwrap();
    control.tx.send(3).await.unwrap();
    control.tx.send(-1).await.unwrap();
    drop(control);
    assert_eq!(reports.recv().await.unwrap(), "Some(Ok(3))");
    assert_eq!(reports.recv().await.unwrap(), "Some(Ok(-1))");
    let end = reports.recv().await.unwrap();
    assert!(end.contains("the channel was revoked") && end.contains("125"), "{end}");
    assert_eq!(app.info().await.unwrap(), Value::from("info"), "the connection goes on");
}

#[tokio::test]
async fn handler_learns_that_its_caller_is_gone() {
    let (app, server, _locator, mut reports) = app().await;
    drop(app.enqueue("listen", None).await.unwrap());
    let end = reports.recv().await.unwrap();
    assert!(end.contains("the sender was dropped"), "{end}");
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(b"\x93\x01\x00\x91\xa6listen").await;
    raw.expect_pong(2).await;
    drop(raw);
    let end = reports.recv().await.unwrap();
    assert!(end.contains("closed by the other side"), "{end}");
}

#[tokio::test]
async fn sessions_do_not_count_as_invocations() {
    let (app, _server, _locator, _said) = app().await;
    let mut events: Vec<Duplex<Sender<Bytes>, Receiver<Bytes>>> = Vec::new();
    for _ in 0..Limits::default().max_invocations + 100 {
        events.push(app.enqueue("echo", None).await.unwrap());
    }
    for event in events.iter_mut().rev() {
        event.send("x").await.unwrap();
    }
    for event in &mut events {
        assert_eq!(timeout(TIMEOUT, event.recv()).await.expect("an echo").unwrap().unwrap(), "x");
    }
}

#[tokio::test]
async fn sessions_follow_their_trees() {
    let names = TestLocator::default();
    let server = names.serve("127.0.0.1:0").await;
    names.add::<LocatorClient>("locator", server.local_addr());
    let client = cocaine::Client::new(&server.local_addr().to_string()).unwrap();
    let locator = client.service::<LocatorClient>().await.unwrap();
    assert_eq!(Locator::uuid(&locator).await.unwrap(), "uuid");

    let here = [Endpoint(server.local_addr())];
    let published = locator.publish("mine", &here, None).await.unwrap();
    published.rx.await.unwrap();
    assert!(client.resolve("mine", None).await.is_ok());
    published.tx.discard().await.unwrap();
    wait_until("the name is withdrawn", async || client.resolve("mine", None).await.is_err()).await;

    let published = locator.publish("mine", &here, None).await.unwrap();
    published.rx.await.unwrap();
    drop(published.tx);
    wait_until("the name is withdrawn", async || client.resolve("mine", None).await.is_err()).await;

    let mut routing = locator.routing("me").await.unwrap();
    assert_eq!(routing.rx.recv().await.unwrap().unwrap()["me"], [(1, "member".to_owned())]);
    routing.tx.discard().await.unwrap();
    assert!(routing.rx.recv().await.is_none());

    for node in ["a", "b", "c"] {
        names.add_node(node, BTreeMap::new());
    }
    let mut stream = locator.connect("u");
    for node in ["a", "b", "c"] {
        assert_eq!(stream.recv().await.unwrap().unwrap().0, node);
    }
    assert!(stream.recv().await.is_none());

    let refused = locator.publish("taken", &here, None).await.unwrap();
    let error = refused.rx.await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
    assert_eq!(Locator::uuid(&locator).await.unwrap(), "uuid", "connected again");
}
