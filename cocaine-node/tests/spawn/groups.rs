//! Workers in control groups of their own. Where this process may create none, nothing is tested.

use std::{fs, os::unix::process::CommandExt};

use cocaine_node::helper::WorkerGroups;

use super::*;

/// Returns the groups of a node, unless there can be none.
fn groups() -> Option<WorkerGroups> {
    WorkerGroups::new().inspect_err(|error| eprintln!("skipped: {error}")).ok()
}

fn spawner_with(groups: WorkerGroups) -> Spawner {
    Spawner::start(Helper::at(env!("CARGO_BIN_EXE_cocaine-node")), Some(groups)).unwrap()
}

/// Returns the folder of the next group. The one that this takes is not used.
fn next_group(groups: &WorkerGroups) -> std::path::PathBuf {
    let unused = groups.create().unwrap();
    unused.end().unwrap();
    assert!(unused.path().ends_with("worker-0"), "{unused:?}");
    unused.path().with_file_name("worker-1")
}

fn processes_in(group: &Path) -> usize {
    fs::read_to_string(group.join("cgroup.procs")).unwrap().lines().count()
}

#[tokio::test]
async fn worker_starts_and_ends_with_its_group() {
    let Some(groups) = groups() else { return };
    let group = next_group(&groups);
    let spawner = spawner_with(groups);
    let script = format!("{DAEMON} cat /proc/self/cgroup; exec sleep 1000");
    let (mut process, output) = spawner.spawn(shell(&script)).await.unwrap();
    let mut lines = tokio::io::BufReader::new(output).lines();
    let mut seen = Vec::new();
    while !(seen.iter().any(|line: &String| line.starts_with("0::"))
        && seen.iter().any(|line| line == "ready"))
    {
        seen.push(timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap());
    }
    let own = seen.iter().find_map(|line| line.strip_prefix("0::")).unwrap();
    assert!(group.ends_with(own.trim_start_matches('/')), "{group:?} {own}");
    wait_until("worker and daemon are alone in the group", async || processes_in(&group) == 2).await;
    process.terminate();
    assert_eq!(wait_for_exit(&mut process).await.signal(), Some(15));
    assert!(!group.exists());
    read_all(lines.into_inner().into_inner()).await;
    drop((process, spawner));
    assert!(!group.parent().unwrap().exists(), "the last handle removes the group of the node");
}

#[tokio::test]
async fn daemons_end_with_the_killed_reaper() {
    let Some(groups) = groups() else { return };
    let group = next_group(&groups);
    let spawner = spawner_with(groups);
    let (mut process, output) = spawn_ready(&spawner, &format!("{DAEMON} exec sleep 1000")).await;
    send("-KILL", &process);
    assert_eq!(wait_for_exit(&mut process).await.signal(), Some(9));
    read_all(output).await;
    assert!(!group.exists());
}

#[tokio::test]
async fn nested_groups_are_removed_with_the_worker() {
    let Some(groups) = groups() else { return };
    let group = next_group(&groups);
    let spawner = spawner_with(groups);
    let nested = group.join("a/b");
    let script =
        format!("mkdir -p {0} && echo 0 > {0}/cgroup.procs; {DAEMON} exec sleep 1000", nested.display());
    let (process, output) = spawn_ready(&spawner, &script).await;
    assert!(nested.exists());
    drop(process);
    read_all(output).await;
    wait_until("the group is removed", async || !group.exists()).await;
}

#[tokio::test]
async fn next_node_ends_what_killed_one_left() {
    let Some(living) = groups() else { return };
    let worker = next_group(&living);
    let spawner = spawner_with(living);
    let (_process, output) = spawn_ready(&spawner, "echo ready; exec sleep 1000").await;
    let (left, lock) = create_left(worker.parent().unwrap().parent().unwrap());
    let mut daemon = Command::new("sh");
    daemon.args(["-c", "echo 0 > \"$1\" && trap '' TERM HUP; echo ready; exec sleep 1000", "sh"]);
    daemon.arg(left.join("worker-0/cgroup.procs")).stdout(Stdio::piped()).process_group(0);
    let mut daemon = daemon.spawn().unwrap();
    let mut printed = String::new();
    BufReader::new(daemon.stdout.as_mut().unwrap()).read_line(&mut printed).unwrap();
    assert_eq!(printed, "ready\n");
    assert_eq!(processes_in(&left.join("worker-0")), 1);
    drop(lock);
    let _next = WorkerGroups::new().unwrap();
    wait_until("the daemon ends", async || daemon.try_wait().unwrap().is_some()).await;
    wait_until("its group is removed", async || !left.exists()).await;
    assert_eq!(processes_in(&worker), 1, "the worker of a living node lives");
    drop(output);
}

/// Creates what a killed node leaves, with the lock that keeps other nodes from ending it.
fn create_left(own: &Path) -> (std::path::PathBuf, File) {
    // No process has the number 0.
    let left = own.join(format!("cocaine-workers-0-{}", std::process::id()));
    loop {
        // A node of another test that starts now may remove the group.
        fs::create_dir_all(left.join("worker-0")).ok();
        let Ok(lock) = File::open(&left) else { continue };
        if lock.try_lock().is_ok() && left.join("worker-0").exists() {
            return (left, lock);
        }
    }
}
