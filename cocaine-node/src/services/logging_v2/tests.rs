//! Lifetimes of filters, on a paused clock.

use std::time::Duration;

use cocaine::Code;
use cocaine_bindings::logging_v2::Disposition;
use tokio::time::advance;

use super::*;

fn shared() -> LoggingV2Shared {
    LoggingV2Shared::new(
        Log::builder().start().unwrap(),
        LogBroadcast::default(),
        Store::in_memory().unwrap(),
    )
}

fn errors_only() -> Value {
    Value::Array(vec!["severity".into(), 3_u64.into()])
}

fn passes(shared: &LoggingV2Shared) -> bool {
    shared.log::<&str>((Severity::Info, false), "app/x", "text", &[]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn filter_expires_after_its_lifetime() {
    let shared = shared();
    let set_at = shared.clock.now();
    let id = shared.set("app/x", &errors_only(), 60, Disposition::Local).await.unwrap();
    assert_eq!(shared.filters.find(id).unwrap().deadline, set_at + 60);
    advance(Duration::from_mins(1)).await;
    assert!(!passes(&shared));
    assert_eq!(shared.filters.loggers(shared.clock.now()), ["app/x", "core", "default"]);
    advance(Duration::from_secs(1)).await;
    assert!(passes(&shared));
    assert_eq!(shared.filters.loggers(shared.clock.now()), ["core", "default"]);
    assert_eq!(shared.filters.rules(shared.clock.now()).len(), 1);
    assert!(!shared.remove(id).await.unwrap(), "the filter has expired");
}

#[tokio::test(start_paused = true)]
async fn cluster_filter_is_stored_until_it_expires() {
    let shared = shared();
    let short = shared.set("app/x", &errors_only(), 10, Disposition::Cluster).await.unwrap();
    let long = shared.set("app/y", &errors_only(), u64::MAX, Disposition::Cluster).await.unwrap();
    let stored = async || {
        let mut ids: Vec<_> =
            cluster_filters::load(&shared.store).await.unwrap().into_iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        ids
    };
    let mut both = [short, long];
    both.sort_unstable();
    assert_eq!(stored().await, both);
    advance(Duration::from_secs(11)).await;
    let another = shared.set("app/z", &errors_only(), 10, Disposition::Local).await.unwrap();
    assert_eq!(stored().await, [long], "the next change removes expired filters");
    assert_eq!(shared.filters.find(long).unwrap().deadline, NO_DEADLINE);

    let again = LoggingV2Shared::new(shared.log.clone(), shared.broadcast.clone(), shared.store.clone());
    again.load().await.unwrap();
    assert_eq!(again.filters.find(long), shared.filters.find(long), "the filter is loaded unchanged");
    assert_eq!(again.filters.find(another), None);
    assert!(again.remove(long).await.unwrap());
    assert_eq!(stored().await, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn expired_and_unreadable_filters_are_not_loaded() {
    let first = shared();
    let expired = first.set("app/x", &errors_only(), 0, Disposition::Cluster).await.unwrap();
    let store = first.store.clone();
    for (key, blob) in [("7", &b"\xc1"[..]), ("8", b"\x80"), ("x", b"\xc0")] {
        store.write("cocaine/logging_v2/filters", key, blob.into(), &["filter"]).await.unwrap();
    }
    let mut misnamed = first.filters.find(expired).unwrap();
    misnamed.id = 9;
    let blob = cocaine::msgpack::to_vec(&misnamed.to_stored()).unwrap();
    store.write("cocaine/logging_v2/filters", "10", blob.into(), &["filter"]).await.unwrap();
    let second = LoggingV2Shared {
        clock: first.clock,
        ..LoggingV2Shared::new(first.log.clone(), first.broadcast.clone(), store.clone())
    };
    advance(Duration::from_secs(2)).await;
    second.load().await.unwrap();
    assert_eq!(second.filters.rules(0).len(), 1, "the default");
    let remaining = store.find("cocaine/logging_v2/filters", &["filter"]).await.unwrap();
    assert_eq!(remaining, ["10", "7", "8", "x"], "expired filters are removed, unreadable ones are left");
}

#[tokio::test]
async fn filter_limit_is_enforced() {
    let shared = shared();
    let mut ids = Vec::new();
    let full = loop {
        match shared.set("app/x", &errors_only(), 60, Disposition::Local).await {
            Ok(id) => ids.push(id),
            Err(error) => break error,
        }
    };
    assert_eq!((ids.len(), full.code()), (1023, Some(Code::OUT_OF_MEMORY)), "{full}");
    let refused = shared.set("app/x", &errors_only(), 60, Disposition::Cluster).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::OUT_OF_MEMORY));
    assert_eq!(cluster_filters::load(&shared.store).await.unwrap(), [], "a refused filter is not stored");
    assert!(shared.remove(ids[0]).await.unwrap());
    shared.set("app/x", &errors_only(), 60, Disposition::Cluster).await.unwrap();
    let long = "x".repeat(1025);
    assert_eq!(
        shared.set(&long, &errors_only(), 1, Disposition::Local).await.unwrap_err().code(),
        Some(Code::posix(7))
    );
}
