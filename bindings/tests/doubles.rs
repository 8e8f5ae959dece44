//! Doubles of services: what they answer, and how they fail a test.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
};

use cocaine::{
    Bytes, Category, Code, Duplex, Error, Guard, Receiver, Sender, Severity, Value,
    double::{ItemStream, SessionScript},
};
use cocaine_bindings::{
    App, Children, Locator, Logging, Storage, Unicorn, Versioned,
    doubles::{AppDouble, LocatorDouble, LoggingDouble, StorageDouble, UnicornDouble},
    locator::PublishReceived,
};
use futures_util::{FutureExt, StreamExt};

/// Returns what a panic says.
fn said(act: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).expect_err("it panics");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().expect("a text").to_string(),
    }
}

/// Returns the answer of a call that does not wait.
fn now<F: Future>(call: F) -> F::Output {
    call.now_or_never().expect("a double answers at once")
}

fn gone() -> Error {
    Error::service(Code::NOT_FOUND, "no such key")
}

#[test]
fn call_is_answered_by_the_matching_expectation() {
    let storage = StorageDouble::new();
    storage.expect_read().with("c", "b").fails(gone());
    storage.expect_read().with("c", "a").returns("first");
    storage.expect_read().with("c", "a").returns("second");
    storage.expect_write().with("c", "a", &"blob".into(), Some(&["t", "u"]));
    storage
        .expect_find()
        .matching(|collection, tags| collection == "c" && tags.len() == 1)
        .returns(Vec::from(["a".to_owned()]))
        .times(2);
    assert_eq!(now(storage.read("c", "a")).unwrap(), "first");
    assert_eq!(now(storage.read("c", "b")).unwrap_err().code(), Some(Code::NOT_FOUND));
    assert_eq!(now(storage.read("c", "a")).unwrap(), "second");
    now(storage.write("c", "a", &"blob".into(), Some(&["t", "u"]))).unwrap();
    for tag in ["t", "u"] {
        assert_eq!(now(storage.find("c", &[tag])).unwrap(), ["a"]);
    }
}

#[test]
fn closure_answers_from_the_arguments() {
    let (storage, calls) = (StorageDouble::new(), AtomicUsize::new(0));
    let answer = move |collection: String, key: String| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        Ok(Bytes::from(format!("{collection}/{key} {call}")))
    };
    storage.expect_read().answers(answer).any_times();
    assert_eq!(now(storage.read("c", "a")).unwrap(), "c/a 0");
    assert_eq!(now(storage.clone().read("c", "b")).unwrap(), "c/b 1");
}

#[test]
fn unexpected_call_names_the_expectations() {
    let storage = StorageDouble::new();
    let text = said(|| drop(now(storage.remove("c", "k"))));
    assert_eq!(text, r#"storage.remove("c", "k") is not expected: no call of `remove` is"#);

    storage.expect_read().with("c", "k").returns("v");
    storage.expect_read().matching(|_, key| key.is_empty()).returns("v").any_times();
    storage.expect_read().times(0);
    let line = line!() - 3;
    now(storage.read("c", "k")).unwrap();
    let text = said(|| drop(now(storage.read("c", "k"))));
    let expected = format!(
        "storage.read(\"c\", \"k\") is not expected; expected of `read` are:\n  \
         read(\"c\", \"k\"), once, and called once (bindings/tests/doubles.rs:{line}:13)\n  \
         read(arguments that match the predicate), any number of times, and called not once (bindings/tests/doubles.rs:{}:13)\n  \
         read(…), never, and called not once (bindings/tests/doubles.rs:{}:13)",
        line + 1,
        line + 2
    );
    assert_eq!(text, expected);
    assert!(said(|| storage.verify()).ends_with(&expected), "a test that has caught a panic is told again");
}

#[test]
fn missing_call_fails_on_verify_or_drop() {
    let unmet = |line: u32| {
        format!(
            "expected of storage: read(\"c\", \"k\"), 2 times, and called once (bindings/tests/doubles.rs:{line}:17)"
        )
    };
    let storage = || {
        let storage = StorageDouble::new();
        storage.expect_read().with("c", "k").returns("v").times(2);
        now(storage.read("c", "k")).unwrap();
        storage
    };
    let line = line!() - 4;
    let verified = storage();
    assert_eq!(said(|| verified.verify()), unmet(line));
    verified.verify();
    let dropped = storage();
    let clone = dropped.clone();
    drop(dropped);
    assert_eq!(said(|| drop(clone)), unmet(line));
    let text = said(|| {
        let _unmet = storage();
        panic!("the test has failed already");
    });
    assert_eq!(text, "the test has failed already");
}

#[test]
fn expectation_without_an_answer_is_reported() {
    let storage = StorageDouble::new();
    storage.expect_read().with("c", "k");
    let text = said(|| drop(now(storage.read("c", "k"))));
    assert!(
        text.starts_with(r#"storage.read("c", "k") is expected at bindings/tests/doubles.rs:"#),
        "{text}"
    );
    assert!(text.ends_with("but no reply is set: add `.returns(…)`, or the method for its kind"), "{text}");
    said(|| storage.verify());
}

#[test]
fn ordered_expectations_are_enforced() {
    let storage = || {
        let storage = StorageDouble::new().in_order();
        storage.expect_find().returns([]).any_times();
        storage.expect_write().with("c", "k", &"v".into(), None);
        storage.expect_read().returns("v");
        storage
    };
    let kept = storage();
    now(kept.write("c", "k", &"v".into(), None)).unwrap();
    now(kept.read("c", "k")).unwrap();

    let broken = storage();
    let text = said(|| drop(now(broken.read("c", "k"))));
    assert!(text.starts_with(
        "storage.read(\"c\", \"k\") is not expected now; expected are, in this order:\n  find(…), any"
    ));
    now(broken.find("c", &[])).unwrap();
    now(broken.write("c", "k", &"v".into(), None)).unwrap();
    let text = said(|| drop(now(broken.find("c", &[]))));
    assert!(text.contains("is not expected now"), "{text}");
    said(|| broken.verify());
}

#[test]
fn mute_call_needs_no_answer() {
    let log = LoggingDouble::new();
    log.expect_emit().with(Severity::Info, "app", "started", None);
    log.expect_emit().matching(|severity, _, _, _| severity == Severity::Error).fails(gone());
    log.expect_verbosity().returns(Severity::Debug);
    now(log.emit(Severity::Info, "app", "started", None)).unwrap();
    now(log.emit(Severity::Error, "app", "failed", None)).unwrap_err();
    assert_eq!(now(log.verbosity()).unwrap(), Severity::Debug);
}

fn versioned(version: i64) -> Versioned {
    Versioned { value: Value::from("v"), version }
}

#[test]
fn streams_end_fail_or_wait() {
    let unicorn = UnicornDouble::new();
    unicorn.expect_subscribe().with("/a").streams([versioned(1), versioned(2)]);
    unicorn.expect_subscribe().with("/b").streams_then_fails([versioned(1)], gone());
    unicorn.expect_subscribe().with("/c").streams_then_waits([versioned(1)]);
    unicorn.expect_subscribe().with("/d").fails(gone());
    unicorn
        .expect_children_subscribe()
        .answers(|path| ItemStream::from_items([Children { version: 1, names: Vec::from([path]) }]));
    let all = |path| {
        now(unicorn.subscribe(path).map(|item| item.map(|item| item.version).ok()).collect::<Vec<_>>())
    };
    assert_eq!(all("/a"), [Some(1), Some(2)]);
    assert_eq!(all("/b"), [Some(1), None]);
    assert_eq!(all("/d"), [None]);
    let mut waiting = unicorn.subscribe("/c");
    assert_eq!(now(waiting.next()).unwrap().unwrap(), versioned(1));
    assert!(waiting.next().now_or_never().is_none());
    let children = now(unicorn.children_subscribe("/e").next()).unwrap().unwrap();
    assert_eq!(children.names, ["/e"]);
}

#[test]
fn lock_is_granted_or_refused() {
    let unicorn = UnicornDouble::new();
    unicorn.expect_lock().with("/a").returns_guard();
    unicorn.expect_lock().with("/b").fails(gone());
    unicorn.expect_lock().with("/c").answers(|_| Ok(Guard::with_loss((), async { gone() })));
    unicorn.expect_put().returns(Err(versioned(7)));
    let mut held = now(unicorn.lock("/a")).unwrap();
    assert!(held.lost().now_or_never().is_none());
    now(unicorn.lock("/b")).unwrap_err();
    assert_eq!(now(now(unicorn.lock("/c")).unwrap().lost()).code(), Some(Code::NOT_FOUND));
    assert_eq!(now(unicorn.put("/a", &Value::Nil, 1)).unwrap().unwrap_err().version, 7);
}

#[tokio::test]
async fn session_answers_with_a_stream() {
    let app = AppDouble::new();
    app.expect_enqueue().with("list", None).streams(["a", "b"]);
    app.expect_enqueue().with("fail", None).streams_then_fails(["a"], Error::user(7, "no"));
    app.expect_enqueue().with("full", Some("tag")).fails(gone());
    let mut event = app.enqueue("list", None).await.unwrap();
    for _ in 0..100 {
        event.send("ignored").await.unwrap();
    }
    let mut answer = event.finish().unwrap();
    assert_eq!(answer.recv().await.unwrap().unwrap(), "a");
    assert_eq!(answer.recv().await.unwrap().unwrap(), "b");
    assert!(answer.recv().await.is_none());
    let mut event = app.enqueue("fail", None).await.unwrap();
    assert_eq!(event.recv().await.unwrap().unwrap(), "a");
    let error = event.recv().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(Code::new(Category::WORKER_USER, 7)));
    assert_eq!((error.service_name(), error.method()), (Some("app"), Some("enqueue")));
    assert_eq!(app.enqueue("full", Some("tag")).await.unwrap_err().code(), Some(Code::NOT_FOUND));
}

#[tokio::test]
async fn session_is_played_by_a_script() {
    let app = AppDouble::new();
    app.expect_enqueue().answers(|event, _| {
        SessionScript::new(move |mut input: Receiver<Bytes>, mut output: Sender<Bytes>| async move {
            while let Some(chunk) = input.recv().await {
                output.send(format!("{event} {}", chunk?.as_str().unwrap_or("?"))).await?;
            }
            output.finish()
        })
    });
    app.expect_control().runs(|mut workers, output| async move {
        assert_eq!(workers.recv().await.unwrap().unwrap(), 3);
        assert!(workers.recv().await.is_none_or(|ended| ended.is_err()));
        output.abandon();
        Ok(())
    });
    let mut event = app.enqueue("echo", None).await.unwrap();
    for chunk in ["a", "b"] {
        event.send(chunk).await.unwrap();
        assert_eq!(event.recv().await.unwrap().unwrap(), *format!("echo {chunk}"));
    }
    assert!(event.finish().unwrap().recv().await.is_none());
    let Duplex { mut tx, rx } = app.control().await.unwrap();
    tx.send(3).await.unwrap();
    drop((tx, rx));
    app.wait_for_scripts().await;
    app.verify();
}

#[tokio::test]
async fn session_with_states_is_played_by_a_script() {
    let locator = LocatorDouble::new();
    locator.expect_publish().matching(|name, _, _| name == "service").runs(|input, output| async move {
        output.send(())?;
        assert!(matches!(input.recv().await?, PublishReceived::Discard));
        Ok(())
    });
    let Duplex { tx, rx } = locator.publish("service", &[], None).await.unwrap();
    rx.await.unwrap();
    tx.discard().await.unwrap();
    locator.wait_for_scripts().await;
    locator.verify();
}

#[tokio::test]
async fn panicking_script_fails_the_test() {
    let app = AppDouble::new();
    app.expect_enqueue().runs(|mut input, _output| async move {
        assert_eq!(input.recv().await.unwrap()?, "right", "the first chunk");
        Ok(())
    });
    let mut event = app.enqueue("e", None).await.unwrap();
    event.send("wrong").await.unwrap();
    assert!(event.recv().await.is_none_or(|ended| ended.is_err()));
    app.wait_for_scripts().await;
    let text = said(|| app.verify());
    assert!(text.starts_with("the script of app.enqueue panicked: "), "{text}");
    assert!(text.contains("the first chunk"), "{text}");
}

#[tokio::test]
async fn panicking_call_in_a_task_fails_the_test() {
    let storage = StorageDouble::new();
    let app = storage.clone();
    let task = tokio::spawn(async move { app.read("c", "k").await });
    assert!(task.await.unwrap_err().is_panic());
    assert!(said(|| drop(storage)).contains("storage.read(\"c\", \"k\") is not expected"));
}

/// A closure may call its own double.
#[test]
fn closures_run_without_a_lock() {
    let storage = StorageDouble::new();
    let inner = storage.clone();
    storage.expect_read().with("c", "a").returns("v");
    storage.expect_read().with("c", "b").answers(move |_, _| now(inner.read("c", "a")));
    assert_eq!(now(storage.read("c", "b")).unwrap(), "v");
    storage.verify();
}

#[test]
fn double_goes_wherever_a_client_does() {
    fn is_handed_around<T: Storage + Clone + std::fmt::Debug + Send + Sync + 'static>(_: &T) {}
    is_handed_around(&StorageDouble::new());
}
