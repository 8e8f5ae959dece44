//! The resources of the machine that the node reports.

use std::{fs, thread::available_parallelism};

use cocaine_bindings::{Locator, LocatorClient, Uniresis, UniresisClient};

use crate::{node, service};

/// Returns the memory of the machine in bytes.
fn machine_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
    let kib: u64 = total.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kib * 1024
}

#[tokio::test]
async fn resources_are_those_of_the_process() {
    let node = node().await;
    let uniresis: UniresisClient = service(&node).await;
    let cpus = usize::try_from(uniresis.cpu_count().await.unwrap()).unwrap();
    assert_eq!(cpus, available_parallelism().unwrap().get());
    let memory = uniresis.memory_count().await.unwrap();
    // A cgroup may limit it further.
    assert!((1 << 20..=machine_memory()).contains(&memory), "{memory} bytes");
    let uuid = service::<LocatorClient>(&node).await.uuid().await.unwrap();
    assert_eq!(uniresis.uuid().await.unwrap(), uuid);
    node.shutdown().await;
}
