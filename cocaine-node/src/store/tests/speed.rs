//! Measures the store; run it with
//! `cargo test --release -p cocaine-node store::tests::speed -- --ignored --nocapture`.

#![allow(clippy::cast_precision_loss)]

use std::{hint::black_box, time::Instant};

use bytes::Bytes;
use futures_util::future::join_all;

use super::{Store, put};

#[tokio::test]
#[ignore = "prints figures; nothing can fail"]
async fn measurements() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    reads(&store).await;
    writes(&store).await;
    blobs(&store).await;
    store.close().await;
}

/// Prints how the file grows under overwrites, and what a compaction gives back.
#[tokio::test]
#[ignore = "prints figures; nothing can fail"]
async fn growth() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let print = async |what: &str| println!("{what}: {:?}", store.measure().await.unwrap().unwrap());
    for number in 0..2_000_u32 {
        store.write("b", "k", vec![number.to_le_bytes()[0]; 1 << 20].into(), &["t"]).await.unwrap();
    }
    print("1 MiB, 2,000 times").await;
    let keys: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    for _ in 0..100 {
        join_all(keys.iter().map(|key| put(&store, "s", key, &["t"]))).await;
    }
    print("1,000 keys, 100 times").await;
    join_all((0..200_u32).map(|key| {
        let store = &store;
        async move { store.write("m", &key.to_string(), vec![1; 1 << 20].into(), &[]).await }
    }))
    .await;
    print("200 MiB more").await;
    let start = Instant::now();
    let summary = store.compact().await.unwrap();
    println!("compacted in {:?}: {summary:?}", start.elapsed());
    join_all(keys.iter().take(200).map(|key| store.remove("m", key))).await;
    join_all(keys.iter().map(|key| store.remove("s", key))).await;
    store.remove("b", "k").await.unwrap();
    print("all removed").await;
    let start = Instant::now();
    let summary = store.compact().await.unwrap();
    println!("compacted in {:?}: {summary:?}", start.elapsed());
    store.close().await;
}

async fn reads(store: &Store) {
    const CALLS: usize = 1_000_000;
    for count in [100, 10_000] {
        let keys: Vec<String> = (0..count).map(|number| format!("app-{number}")).collect();
        let written = keys.iter().map(|key| store.write("manifests", key, vec![7; 64].into(), &["app"]));
        join_all(written).await;
        let start = Instant::now();
        for key in keys.iter().cycle().step_by(7).take(CALLS) {
            black_box(store.read("manifests", key).unwrap());
        }
        let each = start.elapsed().as_secs_f64() / CALLS as f64;
        println!("read of 64 bytes, {count} keys: {:.0} ns, {:.2} M/s", each * 1e9, 1e-6 / each);
        let start = Instant::now();
        let found = store.find("manifests", &["app"]).await.unwrap().len();
        println!("find of {found} keys: {:?}", start.elapsed());
    }
}

async fn writes(store: &Store) {
    const ROUNDS: u32 = 50;
    for waiting in [1, 16, 64, 256_u32] {
        let keys: Vec<String> = (0..waiting).map(|number| number.to_string()).collect();
        let start = Instant::now();
        for _ in 0..ROUNDS {
            join_all(keys.iter().map(|key| put(store, "w", key, &["t"]))).await;
        }
        let each = start.elapsed().as_secs_f64() / f64::from(ROUNDS);
        println!("{waiting} writes at once: {:.2} ms, {:.0}/s", each * 1e3, f64::from(waiting) / each);
    }
}

async fn blobs(store: &Store) {
    for size in [64 << 10, 1 << 20, 16 << 20, 128 << 20_usize] {
        let blob = Bytes::from(vec![3; size]);
        let start = Instant::now();
        store.write("b", "k", blob, &[]).await.unwrap();
        let written = start.elapsed();
        black_box(store.read("b", "k").unwrap());
        let rounds = (256 << 20) / size;
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(store.read("b", "k").unwrap());
        }
        let each = start.elapsed().as_secs_f64() / rounds as f64;
        let rate = size as f64 / each / 1e9;
        println!(
            "{} KiB: written in {written:.1?}, read in {:.0} us, {rate:.1} GB/s",
            size >> 10,
            each * 1e6
        );
    }
}
