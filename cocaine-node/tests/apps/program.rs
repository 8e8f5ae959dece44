//! The built program, with apps.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use cocaine::Client;
use test_support::wait::wait_until;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::cloud::{Cloud, PATIENCE};

/// A running program. Dropping it kills it.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) cloud: Cloud<()>,
    log: PathBuf,
}

impl Program {
    /// Starts a node with its data in `folder`.
    pub(crate) async fn start(folder: &Path, options: &[&str]) -> Self {
        let log = folder.join("log.jsonl");
        let mut child = Command::new(env!("CARGO_BIN_EXE_cocaine-node"))
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(folder)
            .arg("--log-file")
            .arg(&log)
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = said.next_line().await.unwrap().expect("the program starts");
        let locator = said.split_whitespace().find(|word| word.starts_with("127.0.0.1:")).unwrap();
        let cloud = Cloud::of(Client::new(locator).unwrap()).await;
        Self { child, cloud, log }
    }

    pub(crate) async fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        let sent = Command::new("sh").args(["-c", &format!("kill {signal} {pid}")]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Returns what was logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) async fn wait_for_log(&self, text: &str) {
        wait_until(&format!("`{text}` is logged"), async || self.log().contains(text)).await;
    }

    pub(crate) async fn wait(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("the program ends").unwrap()
    }
}

/// Returns whether a process exists that has not exited.
pub(crate) fn is_running(pid: &str) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    !stat.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with(['Z', 'X']))
}
