//! The program as the first process of a container.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use test_support::wait::{wait_for, wait_until};

/// The program in a namespace of process ids of its own. Dropping this kills all processes there.
struct Container {
    unshare: Child,
    /// The program as this namespace numbers it.
    init: String,
}

/// The options with which this user may make a namespace; none if nobody may here.
fn namespace_options() -> Option<Vec<&'static str>> {
    let options = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let as_user = [&["--user", "--map-root-user"][..], &options].concat();
    [options.to_vec(), as_user].into_iter().find(|options| {
        let tried = Command::new("unshare").args(options).arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })
}

impl Container {
    async fn start(options: &[&str], data: &str) -> Self {
        let mut unshare = Command::new("unshare")
            .args(options)
            .arg(env!("CARGO_BIN_EXE_cocaine-node"))
            .args(["--listen", "127.0.0.1:0", "--data", data])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(unshare.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("cocaine-node is listening"), "{line}");
        let parent = unshare.id().to_string();
        let init = wait_for("process 1", async || children(&parent).pop()).await;
        Self { unshare, init }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.unshare.kill());
        drop(self.unshare.wait());
    }
}

/// Returns the children of a process, zombies too.
fn children(parent: &str) -> Vec<String> {
    let tasks = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    tasks.split_whitespace().map(str::to_owned).collect()
}

fn send(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
}

#[tokio::test]
async fn first_process_reaps_orphans_and_forwards_signals() {
    let Some(options) = namespace_options() else {
        return eprintln!("skipped: namespaces of process ids cannot be made here");
    };
    let folder = tempfile::tempdir().unwrap();
    let mut container = Container::start(&options, folder.path().to_str().unwrap()).await;
    let node = children(&container.init);
    assert_eq!(node.len(), 1, "process 1 runs the node as its child");
    // The parent of this process ends at once.
    let orphaned = Command::new("nsenter")
        .args(["--target", &container.init, "--pid", "sh", "-c", "sleep 1000 & exit 0"])
        .stdin(Stdio::null())
        .status();
    assert!(orphaned.unwrap().success());
    let is_orphan = |pid: &String| !node.contains(pid);
    let orphan = wait_for("an orphan", async || children(&container.init).into_iter().find(is_orphan)).await;
    send("-KILL", &orphan);
    wait_until("nobody but the node is left", async || children(&container.init) == node).await;
    send("-TERM", &container.init);
    assert_eq!(container.unshare.wait().unwrap().code(), Some(0), "the exit code of the node");
}
