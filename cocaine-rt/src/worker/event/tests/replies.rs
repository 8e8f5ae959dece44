use std::{
    fmt,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    task::{Context, Poll},
};

use super::{Client, End, Outcome, ask, listed, packed};
use crate::{Bytes, Category, Code, Error, ExecutionMode, Result, Stream, worker};

#[worker]
async fn nothing() {}

#[worker]
async fn fine() -> Result<()> {
    Ok(())
}

#[worker]
async fn blob() -> Outcome<Bytes> {
    Ok("as it is".into())
}

#[worker]
async fn pair() -> (u8, Option<&'static str>) {
    (1, None)
}

#[worker]
async fn refused() -> Result<u8> {
    Err(Error::service(Code::new(Category::WORKER_USER, 7), "no"))
}

#[worker]
async fn lost() -> Result<u8> {
    Err(Error::disconnected("peer"))
}

struct Own;

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error of its own")
    }
}

#[worker]
async fn own() -> std::result::Result<u8, Own> {
    Err(Own)
}

#[worker]
async fn boxed() -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Err("boxed".into())
}

#[worker]
async fn unwritable() -> i128 {
    1 << 100
}

/// Counts down, and fails in the end where it is asked to.
struct Countdown(u8, Option<&'static str>);

impl Stream for Countdown {
    type Item = std::result::Result<u8, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.0 == 0 {
            assert!(self.1 != Some("panic"), "halfway");
            return Poll::Ready(self.1.take().map(Err));
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(self.0)))
    }
}

#[worker]
async fn numbers(from: u8) -> Countdown {
    Countdown(from, None)
}

#[worker]
async fn some(fails: Option<String>) -> Result<impl Stream<Item = std::result::Result<u8, &'static str>>> {
    match fails.as_deref() {
        Some("at once") => Err(Error::service(Code::new(Category(43), 1), "at once")),
        Some("panic") => Ok(Countdown(1, Some("panic"))),
        Some(_) => Ok(Countdown(1, Some("at the end"))),
        None => Ok(Countdown(1, None)),
    }
}

#[derive(Default)]
struct Counter(AtomicU64);

#[worker]
impl Counter {
    fn bump(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Relaxed) + n
    }

    async fn add(&self, n: u64) -> Result<u64> {
        Ok(self.bump(n))
    }

    #[event(name = "get", inline)]
    async fn value(&self) -> u64 {
        self.helper().await
    }

    #[event(skip)]
    async fn helper(&self) -> u64 {
        self.0.load(Relaxed)
    }

    #[event(cancel)]
    async fn count(&self) -> impl Stream<Item = std::result::Result<u8, &'static str>> + use<> {
        Countdown(2, None)
    }

    async fn of(&self, other: Option<Like<Self>>) -> bool {
        other.is_none()
    }
}

#[derive(serde::Deserialize)]
struct Like<T>(std::marker::PhantomData<T>);

#[tokio::test]
async fn a_value_is_one_chunk_and_nothing_is_none() {
    assert_eq!(ask(events![nothing], []).await, End::Closed(vec![]));
    assert_eq!(ask(events![fine], []).await, End::Closed(vec![]));
    assert_eq!(ask(events![blob], []).await, End::Closed(vec!["as it is".into()]));
    assert_eq!(ask(events![pair], []).await, End::value(&(1, ())));
}

#[tokio::test]
async fn an_error_keeps_its_code_or_is_a_text() {
    assert_eq!(ask(events![refused], []).await, End::Failed(43, 7, "no".to_owned()));
    assert_eq!(ask(events![lost], []).await, End::failed("connection lost: peer"));
    assert_eq!(ask(events![own], []).await, End::failed("an error of its own"));
    assert_eq!(ask(events![boxed], []).await, End::failed("boxed"));
    let End::Failed(42, 100, text) = ask(events![unwritable], []).await else { panic!("it was written") };
    assert!(text.starts_with("unwritable: the reply: cannot encode: "), "{text}");
}

#[tokio::test]
async fn a_stream_is_a_chunk_for_each_item() {
    assert_eq!(ask(events![numbers], [packed(&2)]).await, End::Closed(vec![packed(&1), packed(&0)]));
    assert_eq!(ask(events![some], [packed(&())]).await, End::Closed(vec![packed(&0)]));
    assert_eq!(ask(events![some], [packed("at once")]).await, End::Failed(43, 1, "at once".to_owned()));
    assert_eq!(ask(events![some], [packed("late")]).await, End::failed("at the end"));
    assert_eq!(
        ask(events![some], [packed("panic")]).await,
        End::failed("the handler of `some` panicked: halfway")
    );
}

#[tokio::test]
async fn the_events_of_a_type_share_its_value() {
    let spawned = |name: &str| (name.to_owned(), ExecutionMode::Spawned);
    let events = [spawned("add"), spawned("count"), ("get".to_owned(), ExecutionMode::Inline), spawned("of")];
    assert_eq!(listed(Counter::default()), events);
    let mut client = Client::of(Counter::default()).await;
    client.ask([packed(&5)]).await;
    assert_eq!(client.end().await, End::value(&5));
    client.next().call("get").await;
    assert_eq!(client.end().await, End::value(&5));
    assert_eq!(Counter::default().add(1).await.unwrap(), 1);
}
