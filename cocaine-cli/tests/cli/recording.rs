//! `cocaine record` and `cocaine replay`.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

use cocaine::{Bytes, Client, Code, Worker, events};
use cocaine_bindings::{App as _, AppClient, Storage as _, StorageClient};
use cocaine_test::Cloud;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};

use crate::command::{ended, run};

/// A program that serves clients until it is interrupted.
struct Service {
    child: Child,
    stderr: BufReader<ChildStderr>,
    locator: String,
}

impl Service {
    /// Starts `cocaine`, and waits for the address that it prints.
    fn start(cloud: &Cloud, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cocaine"))
            .args(args)
            .env("COCAINE_LOCATOR", cloud.locator_addr().to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let locator = line.strip_prefix("clients: --locator ").and_then(|rest| rest.split(';').next());
        let locator = locator.unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, stderr, locator }
    }

    async fn storage(&self) -> StorageClient {
        Client::new(&self.locator).unwrap().service().await.unwrap()
    }

    /// Interrupts the program; returns its exit code and what it has printed since.
    fn stop(mut self) -> (Option<i32>, String, String) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stdout, stderr)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Records a write and a read of a blob.
async fn record_blob(cloud: &Cloud, file: &str) {
    let recorder = Service::start(cloud, &["record", file, "storage"]);
    let client = Client::builder(&recorder.locator).unwrap().header("authorization", "Bearer secret").build();
    let storage: StorageClient = client.service().await.unwrap();
    storage.write("notes", "today", &Bytes::from(vec![0xff, 0x00]), Some(&["note"])).await.unwrap();
    assert_eq!(storage.read("notes", "today").await.unwrap(), Bytes::from(vec![0xff, 0x00]));
    let missing = storage.read("notes", "tomorrow").await.unwrap_err();
    assert_eq!(missing.code(), Some(Code::NOT_FOUND));
    let (code, stdout, stderr) = recorder.stop();
    assert_eq!((code, &*stdout, &*stderr), (Some(0), "", &*format!("{file} is written\n")));
}

fn path(folder: &Path) -> String {
    folder.join("calls.jsonl").display().to_string()
}

fn lines(file: &str) -> Vec<Json> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn messages_are_recorded_without_tokens() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let file = path(folder.path());
    record_blob(&cloud, &file).await;

    let lines = lines(&file);
    assert_eq!(lines[0]["recording"]["locator"], json!(cloud.locator_addr().to_string()));
    assert_eq!(lines[1]["service"]["name"], "storage");
    let messages: Vec<_> = lines
        .iter()
        .filter_map(|line| line.get("message"))
        .map(|message| json!([message["from"], message["channel"], message["message"], message["args"]]))
        .collect();
    let blob = json!({ "$bytes": "/wA=" });
    assert_eq!(messages[0], json!(["client", 1, "write", ["notes", "today", blob, ["note"]]]));
    assert_eq!(messages[1], json!(["service", 1, "value", []]));
    assert_eq!(messages[2], json!(["client", 2, "read", ["notes", "today"]]));
    assert_eq!(messages[3], json!(["service", 2, "value", [blob]]));
    assert_eq!(messages[5][2], "error");
    assert_eq!(lines[2]["message"]["headers"]["authorization"], json!({ "$left_out": true }));
    assert!(!fs::read_to_string(&file).unwrap().contains("secret"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn recording_answers_in_place_of_service() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let file = path(folder.path());
    record_blob(&cloud, &file).await;

    let replay = Service::start(&cloud, &["replay", &file, "--output", "jsonl"]);
    let storage = replay.storage().await;
    for _ in 0..2 {
        assert_eq!(storage.read("notes", "today").await.unwrap(), Bytes::from(vec![0xff, 0x00]));
        assert_eq!(storage.read("notes", "tomorrow").await.unwrap_err().code(), Some(Code::NOT_FOUND));
    }
    let unknown = storage.read("notes", "never").await.unwrap_err();
    assert!(unknown.to_string().contains("not recorded: storage.read[\"notes\",\"never\"]"), "{unknown}");
    let (code, stdout, _) = replay.stop();
    assert_eq!(code, Some(7));
    assert_eq!(stdout, "{\"message\":\"storage.read[\\\"notes\\\",\\\"never\\\"]\"}\n");
}

#[tokio::test]
async fn answers_of_cloud_are_compared() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let file = path(folder.path());
    record_blob(&cloud, &file).await;

    let args = ["replay", &file, "--against", "--output", "json"];
    assert_eq!(ended(&run(&cloud, &args), 0), ("[]\n", "3 calls, 3 answers, 0 differ\n"));

    // Another blob is written, so that another one is read.
    let blob = r#"{"$bytes":"/wA="}"#;
    let changed =
        fs::read_to_string(&file).unwrap().replace(&format!("{blob},[\"note\"]"), "\"news\",[\"note\"]");
    fs::write(&file, &changed).unwrap();
    let output = run(&cloud, &args);
    let (stdout, stderr) = ended(&output, 7);
    assert_eq!(stderr, "3 calls, 3 answers, 1 differ\n");
    let expected = json!([{
        "line": 6,
        "call": "storage.read[\"notes\",\"today\"]",
        "expected": format!("storage.value[{blob}]"),
        "found": "storage.value[\"news\"]",
    }]);
    assert_eq!(serde_json::from_str::<Json>(stdout).unwrap(), expected);

    fs::write(&file, changed.replace(blob, r#"{"$any":true}"#)).unwrap();
    assert_eq!(ended(&run(&cloud, &args), 0).0, "[]\n");
}

#[cocaine::worker]
async fn echo(text: String) -> String {
    text
}

#[tokio::test]
async fn events_of_apps_are_recorded_and_replayed() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let file = path(folder.path());
    let app = cloud.worker("echo", |worker: Worker| worker.serve(events![echo])).await.unwrap();
    let recorder = Service::start(&cloud, &["record", &file]);
    assert_eq!(call_echo(&recorder.locator).await, "hello");
    recorder.stop();
    drop(app);

    let replay = Service::start(&cloud, &["replay", &file]);
    assert_eq!(call_echo(&replay.locator).await, "hello");
    assert_eq!(replay.stop().0, Some(0));
}

async fn call_echo(locator: &str) -> String {
    let app: AppClient = Client::new(locator).unwrap().service_named("echo").await.unwrap();
    let mut channel = app.enqueue("echo", None).await.unwrap();
    channel.send(cocaine::msgpack::to_vec("hello").unwrap()).await.unwrap();
    let mut answer = channel.finish().unwrap();
    let reply = answer.recv().await.unwrap().unwrap();
    cocaine::msgpack::from_slice(&reply).unwrap()
}

#[tokio::test]
async fn broken_recordings_are_named_by_line() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let file = path(folder.path());
    let first = r#"{"recording":{"version":1,"locator":"a:1"}}"#;
    let message = r#"{"message":{"at":0,"connection":1,"service":"x","from":"client","channel":1,"message":"m","kind":0,"args":[]}}"#;
    for (text, words) in [
        (r#"{"recording":{"version":2,"locator":"a:1"}}"#.to_owned(), ":1: is of version 2"),
        (format!("{first}\nnonsense\n"), ":2: is no line of a recording: expected value at column 1"),
        (format!("{first}\n\n{message}\n"), ":3: no line before it describes the service `x`"),
    ] {
        fs::write(&file, text).unwrap();
        let output = run(&cloud, &["replay", &file, "--against"]);
        let (_, stderr) = ended(&output, 1);
        assert!(stderr.contains(words), "{stderr}");
    }
    let output = run(&cloud, &["record", &file]);
    assert!(ended(&output, 1).1.contains("is there already"));
}
