//! Workers connected to a scripted node.

mod replay;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinHandle, time::Instant};

use super::{Events, HandlerRegistry, Session, Worker, events::ExecutionMode, spawn_handlers};
use crate::{
    protocol::{
        code::{Category, Code},
        error::{Error, ErrorKind, Result},
        trace::Trace,
    },
    tests::peer::Peer,
};

const UUID: &str = "1d5739ab-2375-4d32-b211-d6ef03c0dd3d";

/// The handshake and the first heartbeat, as recorded.
pub(crate) const HELLO: &str =
    "93010091da0024 31643537333961622d323337352d346433322d623231312d643665663033633064643364 93010090";

pub(crate) fn worker() -> Worker {
    let line = ["--app", "flow", "--endpoint", "/run/flow", "--locator", "127.0.0.1:10053", "--uuid", UUID];
    Worker::new(line).unwrap().heartbeat_interval(Duration::from_secs(2))
}

/// Serves a worker over a pipe.
pub(crate) fn serve(worker: Worker, events: impl Events) -> (Peer, JoinHandle<Result<()>>) {
    let (near, io) = tokio::io::duplex(64 << 10);
    let (connection, invocations) = worker.into_connection(events).unwrap();
    tokio::spawn(spawn_handlers(invocations));
    (Peer { io }, tokio::spawn(connection.serve(near)))
}

/// Serves a worker over a pipe, for a node that offers credit.
#[cfg(feature = "http")]
pub(crate) fn serve_with_credit(worker: Worker) -> (Peer, JoinHandle<Result<()>>) {
    let (near, io) = tokio::io::duplex(64 << 10);
    let (mut connection, invocations) = worker.into_connection(()).unwrap();
    connection.offered_credit = Some(1000);
    tokio::spawn(spawn_handlers(invocations));
    (Peer { io }, tokio::spawn(connection.serve(near)))
}

/// Serves one event, and expects the handshake.
async fn serving<F, Fut>(event: &str, handler: F) -> (Peer, JoinHandle<Result<()>>)
where
    F: Fn(Session) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let (mut node, served) = serve(worker().on(event, handler), ());
    node.expect(HELLO).await;
    (node, served)
}

async fn echo(mut session: Session) -> Result<()> {
    while let Some(Ok(chunk)) = session.recv().await {
        session.send(chunk).await?;
    }
    session.finish()
}

#[tokio::test(start_paused = true)]
async fn event_is_answered_in_recorded_bytes() {
    let (mut node, _served) = serving("echo", echo).await;
    node.send(4, 0, ("echo",)).await;
    node.send(4, 0, ("one",)).await;
    node.expect("93040091a36f6e65").await;
    node.send(4, 2, ()).await;
    node.expect("93040290").await;
    node.send(8, 0, ("echo",)).await;
    node.send(8, 1, ((42, 1), "client gave up")).await;
    node.expect("93080290").await;
    node.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_on_time_despite_full_queue() {
    let (near, io) = tokio::io::duplex(1 << 10);
    let worker = worker().on("flood", |mut session: Session| async move {
        loop {
            session.send(vec![b'x'; 2 << 10]).await?;
        }
    });
    let (connection, invocations) = worker.into_connection(()).unwrap();
    tokio::spawn(spawn_handlers(invocations));
    let _served = tokio::spawn(connection.serve(near));
    let mut node = Peer { io };
    node.expect(HELLO).await;
    let start = Instant::now();
    node.expect_after(Duration::from_secs(2), "93010090").await;
    assert!(start.elapsed() < Duration::from_millis(2100));
    node.send(2, 0, ("flood",)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut read = 0;
    while !node.is_heartbeat(&mut read).await {
        assert!(read < 2 << 20, "no heartbeat among the first {read} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn every_handler_answers_exactly_once() {
    let worker = worker()
        .on("returns", |_session: Session| async { Ok(()) })
        .on("fails", |_session: Session| async { Err(Error::user(7, "boom")) })
        .on("breaks", |_session: Session| async { Err(Error::encode("odd")) })
        .on("panics", |_session: Session| async { panic!("at {}", 3) })
        .on("fails late", |session: Session| async move {
            session.finish_with("done")?;
            Err(Error::user(7, "too late"))
        })
        .on("out of range", |_session: Session| async {
            Err(Error::service(Code::new(Category::WORKER_USER, 1 << 40), "far"))
        });
    let (mut node, _served) = serve(worker, ());
    node.expect(HELLO).await;
    node.invoke_and_expect(2, "returns", (2, &[])).await;
    node.invoke_and_expect(3, "fails", (1, &[b"\x92\x2b\x07", b"\xa4boom"])).await;
    node.invoke_and_expect(4, "breaks", (1, &[b"\x92\x2a\x64", b"\xb2cannot encode: odd"])).await;
    node.send(5, 0, ("panics",)).await;
    node.expect("93050192922a64").await;
    assert_eq!(node.text().await, "the handler of `panics` panicked: at 3");
    node.send(6, 0, ("fails late",)).await;
    node.expect("93060091a4646f6e65 93060290").await;
    node.send(7, 0, ("out of range",)).await;
    node.expect("93070192922a64").await;
    assert_eq!(node.text().await, "far (worker user, [43,1099511627776])");
    node.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn unknown_event_is_rejected_or_uses_fallback() {
    let (mut node, _served) = serving("echo", echo).await;
    node.send(2, 0, ("no-such",)).await;
    node.expect("93020192922accc8").await;
    assert_eq!(node.text().await, "there is no handler for event no-such");
    let fallback_worker = worker().fallback(|session: Session| async move {
        let event = session.event().to_owned();
        session.finish_with(event)
    });
    let (mut node, _served) = serve(fallback_worker, ());
    node.expect(HELLO).await;
    node.send(2, 0, ("other",)).await;
    node.expect("93020091a56f74686572 93020290").await;
}

#[tokio::test(start_paused = true)]
async fn unknown_frames_are_dropped() {
    let (mut node, served) = serving("echo", echo).await;
    node.send(5, 0, ("echo",)).await;
    node.send(5, 7, ()).await;
    node.send(1, 9, ("control",)).await;
    node.send(3, 0, ("older",)).await;
    node.send(6, 4, ("not an invoke",)).await;
    node.send(0, 0, ("zero",)).await;
    node.send(5, 0, ("still here",)).await;
    node.expect("93050091aa7374696c6c2068657265").await;
    assert!(!served.is_finished());
}

#[tokio::test(start_paused = true)]
async fn terminate_waits_for_running_handlers() {
    let release = Arc::new(Notify::new());
    let released = release.clone();
    let (mut node, served) = serving("slow", move |session: Session| {
        let release = released.clone();
        async move {
            release.notified().await;
            session.finish_with("late")
        }
    })
    .await;
    node.send(2, 0, ("slow",)).await;
    node.send(1, 1, (11, "overseer is shutting down")).await;
    node.expect_silence().await;
    release.notify_one();
    node.expect("93020091a46c617465 93020290 9301019200a9636f6e6669726d6564").await;
    node.expect_end().await;
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn terminated_worker_beats_until_it_ends() {
    let (mut node, served) = serving("slow", |session: Session| async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        session.finish()
    })
    .await;
    node.send(2, 0, ("slow",)).await;
    node.expect_silence().await;
    let start = Instant::now();
    node.send(1, 1, (11, "overseer is shutting down")).await;
    node.expect_after(Duration::from_secs(2), "93010090").await;
    node.expect_after(Duration::from_secs(2), "93010090").await;
    node.expect_after(Duration::from_secs(2), "93020290 9301019200a9636f6e6669726d6564").await;
    assert!(start.elapsed() >= Duration::from_secs(4), "one for each interval");
    node.expect_end().await;
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn terminate_waits_at_most_shutdown_timeout() {
    let stuck =
        worker().shutdown_timeout(Duration::from_secs(3)).heartbeat_interval(Duration::from_secs(100));
    let stuck = stuck.on("stuck", |session: Session| async move {
        std::future::pending::<()>().await;
        session.finish()
    });
    let terminated = stuck.terminated();
    let (mut node, served) = serve(stuck, ());
    node.expect(HELLO).await;
    node.send(2, 0, ("stuck",)).await;
    node.expect_silence().await;
    let start = Instant::now();
    node.send(1, 1, (11, "overseer is shutting down")).await;
    terminated.await;
    assert!(start.elapsed() < Duration::from_millis(100), "notified at once");
    node.expect_after(Duration::from_secs(3), "9301019200a9636f6e6669726d6564").await;
    assert!(start.elapsed() >= Duration::from_secs(3));
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn unanswered_heartbeats_end_the_worker() {
    let alone = worker().heartbeat_timeout(Duration::from_secs(5)).on("echo", echo);
    let (mut node, served) = serve(alone, ());
    node.expect(HELLO).await;
    let start = Instant::now();
    node.expect_after(Duration::from_secs(2), "93010090").await;
    node.send(1, 0, ()).await;
    let error = served.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("disowned: the node has answered no heartbeat for 5s"), "{error}");
    assert_eq!(start.elapsed().as_secs(), 7, "counted from the last answer");
}

#[tokio::test(start_paused = true)]
async fn lost_node_ends_the_worker() {
    let (node, served) = serving("echo", echo).await;
    drop(node);
    let error = served.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn client_disconnect_ends_reads_and_cancels() {
    let left = Arc::new(Notify::new());
    let notifier = left.clone();
    let (mut node, _served) = serving("long", move |mut session: Session| {
        let notifier = notifier.clone();
        async move {
            let context = session.context().clone();
            context.cancelled().await;
            notifier.notify_one();
            session.recv().await.expect("the error comes once").map(|_| ())
        }
    })
    .await;
    node.send(2, 0, ("long",)).await;
    node.send(2, 1, ((5, 2), "End of file")).await;
    left.notified().await;
    node.expect("93020192920502ab456e64206f662066696c65").await;
}

#[tokio::test(start_paused = true)]
async fn context_has_headers_trace_and_deadline() {
    let (mut node, _served) = serving("who", |session: Session| async move {
        let context = session.context();
        assert_eq!(Trace::current(), context.trace(), "calls of the handler carry it");
        let trace = context.trace().map(|trace| (trace.trace_id, trace.span_id));
        let left = context.deadline().map(|at| at.saturating_duration_since(std::time::Instant::now()));
        let within = left.is_some_and(|left| left <= Duration::from_secs(5) && left > Duration::from_secs(1));
        let answer = format!("{trace:?} {:?} {within}", context.identity());
        session.finish_with(answer)
    })
    .await;
    let headers = "95 93c250a80100000000000000 93c251a80200000000000000 93c252a80000000000000000 \
                   93c2af726571756573745f74696d656f7574a88813000000000000 93c217a3544f4b";
    node.write(&format!("94020091a377686f{headers}")).await;
    node.expect("93020091").await;
    assert_eq!(node.text().await, "Some((1, 2)) Some(\"TOK\") true");
}

#[tokio::test(start_paused = true)]
async fn half_that_outlives_handler_finishes_reply() {
    let (mut node, served) = serving("apart", |session: Session| async move {
        let (mut incoming, outgoing) = session.split();
        tokio::spawn(async move { outgoing.finish_with(incoming.recv().await.unwrap()?) });
        Ok(())
    })
    .await;
    node.send(2, 0, ("apart",)).await;
    node.expect_silence().await;
    node.send(1, 1, (11, "overseer is shutting down")).await;
    node.expect_silence().await;
    node.send(2, 0, ("x",)).await;
    node.expect("93020091a178 93020290 9301019200a9636f6e6669726d6564").await;
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn inline_handlers_run_on_connection_thread() {
    struct Inline;
    impl Events for Inline {
        fn register(self, registry: &mut HandlerRegistry) {
            registry.add(
                "now",
                ExecutionMode::Inline,
                |session: Session| async move { session.finish_with("!") },
            );
        }

        fn describe(_registry: &mut HandlerRegistry) {}
    }
    let (mut node, _served) = serve(worker(), Inline);
    node.expect(HELLO).await;
    node.send(2, 0, ("now",)).await;
    node.expect("93020091a121 93020290").await;
}

#[tokio::test]
async fn registration_errors_are_reported_before_connecting() {
    let none = worker().serve(()).await.unwrap_err().to_string();
    assert!(none.contains("the worker has no events"), "{none}");
    let twice = worker().on("a", echo).on("a", echo);
    let twice = twice.serve(()).await.unwrap_err().to_string();
    assert!(twice.contains("the event `a` has two handlers"), "{twice}");
    let lost = worker().on("a", echo);
    let lost = lost.serve(()).await.unwrap_err().to_string();
    assert!(lost.contains("/run/flow: cannot connect: No such file"), "{lost}");
}
