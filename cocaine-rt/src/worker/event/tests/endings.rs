use std::{
    future::pending,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::{Context, Poll},
};

use super::{Client, EventEnd, ask, listed, packed};
use crate::{
    Bytes, Error, Events, ExecutionMode, Result, Session, SessionReceiver, SessionSender, Stream, events,
    worker,
};

#[worker]
async fn panics(text: Option<String>) -> u8 {
    match text {
        Some(text) => panic!("{text}"),
        None => std::panic::panic_any(7),
    }
}

#[worker]
async fn panics_with_output(mut output: SessionSender<u8>) {
    output.send(1).await.unwrap();
    panic!("halfway");
}

#[worker]
async fn drops_its_session(session: Session) -> Result<()> {
    drop(session);
    Ok(())
}

#[worker]
async fn fails_with_its_session(session: Session) -> Result<()> {
    drop(session);
    Err(Error::config("x"))
}

static LIVE_HANDLERS: AtomicUsize = AtomicUsize::new(0);

struct DropCounter;

impl DropCounter {
    fn new() -> Self {
        LIVE_HANDLERS.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for DropCounter {
    fn drop(&mut self) {
        LIVE_HANDLERS.fetch_sub(1, SeqCst);
    }
}

#[worker(event = "wait", cancel, inline)]
async fn waits() {
    let _counter = DropCounter::new();
    pending::<()>().await;
}

#[worker(cancel)]
async fn waits_with_output(output: SessionSender<Bytes>) {
    let _counter = (DropCounter::new(), output);
    pending::<()>().await;
}

#[tokio::test]
async fn panic_is_reported_as_error() {
    assert_eq!(
        ask(events![panics], [packed("ouch")]).await,
        EventEnd::failed("the handler of `panics` panicked: ouch")
    );
    let end = ask(events![panics], [packed(&())]).await;
    assert_eq!(end, EventEnd::failed("the handler of `panics` panicked: the panic has no text"));
    let end = ask(events![panics_with_output], []).await;
    assert_eq!(end, EventEnd::failed("the handler of `panics_with_output` panicked: halfway"));
}

#[tokio::test]
async fn dropped_session_ends_with_handler_result() {
    assert_eq!(ask(events![drops_its_session], []).await, EventEnd::Closed(vec![]));
    assert_eq!(ask(events![fails_with_its_session], []).await, EventEnd::failed("x"));
}

/// Never has an item.
struct Silent(DropCounter);

impl Stream for Silent {
    type Item = Result<u8>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<u8>>> {
        Poll::Pending
    }
}

#[worker(cancel)]
async fn silent() -> Silent {
    Silent(DropCounter::new())
}

async fn left(events: impl Events, event: &str) -> EventEnd {
    let mut client = Client::of(events).await;
    client.call(event).await;
    while LIVE_HANDLERS.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    client.leave().await;
    let end = client.end().await;
    assert_eq!(LIVE_HANDLERS.load(SeqCst), 0);
    end
}

#[tokio::test]
async fn cancellable_handler_is_dropped_on_client_disconnect() {
    assert_eq!(listed(events![waits]), [("wait".to_owned(), ExecutionMode::Inline)]);
    assert_eq!(left(events![waits], "wait").await, EventEnd::failed("wait: the client has left"));
    assert_eq!(left(events![silent], "silent").await, EventEnd::failed("silent: the client has left"));
    let end = left(events![waits_with_output], "waits_with_output").await;
    assert_eq!(end, EventEnd::failed("waits_with_output: the client has left"));
}

#[worker]
async fn first(mut chunks: SessionReceiver<u8>) -> Result<Option<u8>> {
    chunks.recv().await.transpose()
}

#[tokio::test]
async fn annotated_functions_stay_callable() {
    assert_eq!(ask(events![first], [packed(&3)]).await, EventEnd::value(&3));
    waits_is_callable();
}

fn waits_is_callable() {
    drop(waits());
}
