//! A crash loses no acknowledged write.

use std::{
    env,
    io::{BufRead, BufReader, Write, stdout},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{Store, disk::FaultyDisk, put};
use crate::store::OpenError;

const FOLDER: &str = "COCAINE_NODE_TEST_FOLDER";

#[tokio::test]
async fn power_loss_keeps_acknowledged_writes() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    let mut random = fastrand::Rng::with_seed(7);
    for number in 0..30 {
        let key = (number % 12).to_string();
        let blob = vec![number; random.usize(..100_000)];
        store.write("c", &key, blob.clone().into(), &["t"]).await.unwrap();
        let after = disk.after_power_loss(&mut random).store();
        assert!(after.read("c", &key).unwrap() == blob, "write {number}");
        for earlier in 0..number.min(12) {
            let key = earlier.to_string();
            assert!(after.read("c", &key).unwrap() == store.read("c", &key).unwrap(), "{key} after {number}");
        }
    }
}

#[tokio::test]
async fn power_loss_leaves_whole_changes() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    put(&store, "c", "first", &["t"]).await;
    let mut random = fastrand::Rng::with_seed(11);
    for number in 0..20_u8 {
        disk.block_syncs();
        let write = tokio::spawn({
            let store = store.clone();
            async move { store.write("c", "k", vec![number; 100_000].into(), &["t"]).await }
        });
        disk.wait_until_blocked().await;
        let during = disk.after_power_loss(&mut random).store();
        disk.unblock_syncs();
        write.await.unwrap().unwrap();
        assert_eq!(during.read("c", "first").unwrap(), "c/first");
        let found = during.read("c", "k").ok();
        let old = number.checked_sub(1).map(|old| vec![old; 100_000].into());
        assert!(found == old || found.is_some_and(|found| found == vec![number; 100_000]), "{number}");
    }
}

/// Not a test by itself: it runs in the process that is killed.
#[test]
#[ignore = "run by the tests of this file in a process of its own"]
fn killed_writer() {
    let folder = env::var_os(FOLDER).expect("the folder to write to");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(Path::new(&folder)).unwrap();
        let next = Arc::new(AtomicUsize::new(0));
        let writers = (0..16).map(|_| async {
            loop {
                let key = next.fetch_add(1, Ordering::Relaxed).to_string();
                put(&store, "c", &key, &["t"]).await;
                let mut out = stdout().lock();
                writeln!(out, "written {key} end").unwrap();
                out.flush().unwrap();
            }
        });
        futures_util::future::join_all(writers).await;
    });
}

fn writer_process(folder: &Path) -> std::process::Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "store::tests::crash::killed_writer", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn acknowledged(line: &str) -> Option<&str> {
    line.split_once("written ")?.1.strip_suffix(" end")
}

#[tokio::test]
async fn killed_process_keeps_acknowledged_writes() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = Vec::new();
    for round in 1..=3 {
        let mut writer = writer_process(folder.path());
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
        keys.clear();
        while keys.len() < 200 * round {
            let line = lines.next().expect("the writer writes until it is killed");
            keys.extend(acknowledged(&line).map(str::to_owned));
        }
        let refused = Store::open(folder.path()).unwrap_err();
        assert!(matches!(refused, OpenError::InUse { pid, .. } if pid == Some(writer.id())), "{refused}");
        writer.kill().unwrap();
        // Lines printed before it was killed count too.
        keys.extend(lines.filter_map(|line| acknowledged(&line).map(str::to_owned)));
        writer.wait().unwrap();

        let store = Store::open(folder.path()).unwrap();
        for key in &keys {
            assert_eq!(store.read("c", key).unwrap(), format!("c/{key}"), "in round {round}");
        }
        let found = store.find("c", &["t"]).await.unwrap();
        assert!(keys.iter().all(|key| found.binary_search(key).is_ok()), "in round {round}");
        store.close().await;
    }
}
