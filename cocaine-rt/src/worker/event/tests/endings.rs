use std::{
    future::pending,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::{Context, Poll},
};

use super::{Client, End, ask, listed, packed};
use crate::{
    Bytes, Error, Events, ExecutionMode, Result, Session, SessionReceiver, SessionSender, Stream, worker,
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

static HELD: AtomicUsize = AtomicUsize::new(0);

struct Held;

impl Held {
    fn new() -> Self {
        HELD.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(1, SeqCst);
    }
}

#[worker(event = "wait", cancel, inline)]
async fn waits() {
    let _held = Held::new();
    pending::<()>().await;
}

#[worker(cancel)]
async fn waits_with_output(output: SessionSender<Bytes>) {
    let _held = (Held::new(), output);
    pending::<()>().await;
}

#[tokio::test]
async fn a_panic_is_an_error() {
    assert_eq!(
        ask(events![panics], [packed("ouch")]).await,
        End::failed("the handler of `panics` panicked: ouch")
    );
    let end = ask(events![panics], [packed(&())]).await;
    assert_eq!(end, End::failed("the handler of `panics` panicked: the panic has no text"));
    let end = ask(events![panics_with_output], []).await;
    assert_eq!(end, End::failed("the handler of `panics_with_output` panicked: halfway"));
}

#[tokio::test]
async fn a_session_that_was_dropped_ends_as_the_handler_returns() {
    assert_eq!(ask(events![drops_its_session], []).await, End::Closed(vec![]));
    assert_eq!(ask(events![fails_with_its_session], []).await, End::failed("x"));
}

/// Never has an item.
struct Silent(Held);

impl Stream for Silent {
    type Item = Result<u8>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<u8>>> {
        Poll::Pending
    }
}

#[worker(cancel)]
async fn silent() -> Silent {
    Silent(Held::new())
}

async fn left(events: impl Events, event: &str) -> End {
    let mut client = Client::of(events).await;
    client.call(event).await;
    while HELD.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    client.leave().await;
    let end = client.end().await;
    assert_eq!(HELD.load(SeqCst), 0);
    end
}

#[tokio::test]
async fn a_handler_that_may_be_cancelled_is_dropped_when_the_client_leaves() {
    assert_eq!(listed(events![waits]), [("wait".to_owned(), ExecutionMode::Inline)]);
    assert_eq!(left(events![waits], "wait").await, End::failed("wait: the client has left"));
    assert_eq!(left(events![silent], "silent").await, End::failed("silent: the client has left"));
    let end = left(events![waits_with_output], "waits_with_output").await;
    assert_eq!(end, End::failed("waits_with_output: the client has left"));
}

#[worker]
async fn first(mut chunks: SessionReceiver<u8>) -> Result<Option<u8>> {
    chunks.recv().await.transpose()
}

#[tokio::test]
async fn handlers_are_still_functions() {
    assert_eq!(ask(events![first], [packed(&3)]).await, End::value(&3));
    waits_is_callable();
}

fn waits_is_callable() {
    drop(waits());
}
