//! What the program does when it gets SIGHUP.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
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

/// Sends a request for an app that does not exist, with an id and a trace.
fn request_unknown_app(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = "GET /nobody/web/order HTTP/1.1\r\nHost: h\r\nX-Request-Id: req_1\r\nConnection: close\r\n\
                   traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn failed_request_has_line_with_its_ids() {
    let configured = ConfiguredProgram::start("[http]\nlisten = \"127.0.0.1:0\"\n");
    let answer = request_unknown_app(configured.program.http_address());
    assert!(
        answer.starts_with("HTTP/1.1 404 ") && answer.contains("there is no app of this name"),
        "{answer}"
    );
    configured.wait_for_log("log", "a request is refused").await;
    let log = fs::read_to_string(configured.path("log")).unwrap();
    let line = log.lines().find(|line| line.contains("a request is refused")).unwrap();
    for part in [
        "\"request_id\":\"req_1\"",
        "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"",
        "\"path\":\"/nobody/web/order\"",
        "\"status\":404",
        "\"service\":\"nobody\"",
        "\"client\":\"127.0.0.1\"",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test]
async fn hangup_reopens_access_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access");
    let config = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[http.access_log]\nkind = \"text\"\nfile = \"{}\"\n",
        path.display()
    );
    let configured = ConfiguredProgram::start(&config);
    let has_line = || fs::read_to_string(&path).is_ok_and(|text| text.contains(" 404 "));
    // An unusable configuration does not keep it from being opened again.
    for (round, config) in
        [config.clone(), config.clone() + "nosuch = 1\n", config.clone()].iter().enumerate()
    {
        // A request that comes while the configuration changes may still have its line in the former file.
        wait_until("a line is written", async || {
            request_unknown_app(configured.program.http_address());
            has_line()
        })
        .await;
        fs::rename(&path, folder.path().join(format!("former-{round}"))).unwrap();
        configured.reload(config);
        wait_until("the file is opened again", async || path.exists()).await;
    }
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
