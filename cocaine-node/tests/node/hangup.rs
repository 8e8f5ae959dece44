//! What the program does when it gets SIGHUP.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cocaine_bindings::{Logging, LoggingClient};
use test_support::wait::wait_until;

use crate::program::Program;

/// A program with a configuration file and a log file.
struct ConfiguredProgram {
    folder: tempfile::TempDir,
    program: Program,
}

impl ConfiguredProgram {
    fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("node.toml"), config).unwrap();
        let options = ["--config", &path("node.toml"), "--log-file", &path("log")];
        let program = Program::start(&folder.path().join("data"), &options);
        Self { folder, program }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the configuration, and sends the signal.
    fn reload(&self, config: &str) {
        fs::write(self.path("node.toml"), config).unwrap();
        self.program.signal("-HUP");
    }

    /// Waits until a file of the log has `text`.
    async fn wait_for_log(&self, name: &str, text: &str) {
        let has = |path: &Path| fs::read_to_string(path).is_ok_and(|lines| lines.contains(text));
        wait_until(text, async || has(&self.path(name))).await;
    }

    async fn verbosity(&self) -> i32 {
        let logging: LoggingClient = self.program.client().service().await.unwrap();
        logging.verbosity().await.unwrap().into()
    }
}

#[tokio::test]
async fn hangup_reopens_log_and_ends_nothing() {
    let configured = ConfiguredProgram::start("");
    let logging: LoggingClient = configured.program.client().service().await.unwrap();
    logging.emit(1.into(), "app/test", "before", None).await.unwrap();
    configured.wait_for_log("log", "before").await;
    fs::rename(configured.path("log"), configured.path("log.1")).unwrap();
    configured.program.signal("-HUP");
    configured.wait_for_log("log", "the configuration is read again").await;
    logging.emit(1.into(), "app/test", "after", None).await.unwrap();
    configured.wait_for_log("log", "after").await;
    assert!(!fs::read_to_string(configured.path("log.1")).unwrap().contains("after"));
    configured.program.signal("-TERM");
    assert!(configured.program.wait().1);
}

#[tokio::test]
async fn hangup_applies_settings_that_can_change() {
    let configured = ConfiguredProgram::start("[log]\nlevel = \"error\"\n");
    assert_eq!(configured.verbosity().await, 0);
    configured.reload("uuid = \"new\"\n[log]\nlevel = \"info\"\nverbosity = 2\n[cache]\nmax_size = 5\n");
    configured.wait_for_log("log", "some changes of the configuration need a restart").await;
    configured.wait_for_log("log", "\"uuid, cache\"").await;
    assert_eq!(configured.verbosity().await, 2);
    let log = fs::read_to_string(configured.path("log")).unwrap();
    assert!(!log.contains("geobase serves a sample"), "it was logged before the level changed: {log}");
}

#[tokio::test]
async fn hangup_with_unusable_configuration_changes_nothing() {
    let configured = ConfiguredProgram::start("[log]\nverbosity = 1\n");
    let line_of = |reason: &str| {
        format!("the configuration cannot be used: it stays as it is\",\"attributes\":{{\"error\":\"{reason}")
    };
    configured.reload("[log]\nverbosity = 3\ncolour = 1\n");
    let file = configured.path("node.toml").display().to_string();
    configured.wait_for_log("log", &line_of(&format!("{file}:3: unknown field `colour`"))).await;
    configured.reload("shutdown_timeout = -1\n[log]\nverbosity = 3\n");
    configured.wait_for_log("log", &line_of("shutdown_timeout: ")).await;
    assert_eq!(configured.verbosity().await, 1);
    configured.reload("[log]\nverbosity = 3\n");
    configured.wait_for_log("log", "the configuration is read again").await;
    assert_eq!(configured.verbosity().await, 3);
}
