//! `cocaine trace`.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use cocaine::{Client, Result, Severity, Worker};
use cocaine_bindings::{Logging as _, LoggingClient};
use cocaine_test::Cloud;
use serde_json::Value as Json;

use crate::command::{ended, run, run_at};

struct Shop(LoggingClient);

impl Shop {
    async fn open(cloud: &Client) -> Result<Self> {
        cloud.service().await.map(Self)
    }
}

#[cocaine::worker]
impl Shop {
    async fn buy(&self, item: String) -> Result<()> {
        self.0.emit(Severity::Info, "app/shop", &format!("bought {item}"), None).await?;
        self.0.emit(Severity::Warning, "app/shop", "paid \u{1b}[2J", None).await
    }
}

/// Calls the event with a trace, and returns the id.
fn buy(cloud: &Cloud, item: &str) -> String {
    let output = run(cloud, &["call", "--trace", "shop", "buy", item]);
    ended(&output, 0).1.strip_prefix("trace ").unwrap().trim_end().to_owned()
}

/// Waits until the log has both lines of the call.
async fn wait_for_lines(cloud: &Cloud, id: &str) -> Vec<Json> {
    let lines = async || {
        let output = run(cloud, &["trace", id, "--output", "jsonl"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (lines.len() >= 2).then_some(lines)
    };
    cloud.wait_for("both lines", lines).await.unwrap()
}

#[tokio::test]
async fn lines_of_a_call_have_its_trace() {
    let cloud = Cloud::start().await.unwrap();
    let _app = cloud.worker("shop", |worker: Worker| worker.serve_with(Shop::open)).await.unwrap();
    let (first, second) = (buy(&cloud, "tea"), buy(&cloud, "milk"));
    wait_for_lines(&cloud, &first).await;
    let lines = wait_for_lines(&cloud, &second).await;
    let shown = lines.iter().map(|line| format!("{} {} {}", line["level"], line["source"], line["message"]));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [r#""info" "app/shop" "bought milk""#, r#""warning" "app/shop" "paid \u001b[2J""#]
    );
    assert_eq!(
        [&lines[0]["offset_ms"], &lines[0]["attributes"]["trace_id"]],
        [&Json::from(0.0), &Json::from(second.as_str())]
    );
    assert!(lines[1]["offset_ms"].as_f64().unwrap() >= 0.0, "{lines:?}");
    let table = run(&cloud, &["trace", &second]);
    let (stdout, stderr) = ended(&table, 0);
    assert!(
        stdout.contains("bought milk") && !stdout.contains("tea") && !stdout.contains('\u{1b}'),
        "{stdout}"
    );
    assert!(stderr.starts_with("the node has lines since "), "{stderr}");
}

#[tokio::test]
async fn followed_trace_prints_lines_at_once() {
    let cloud = Cloud::start().await.unwrap();
    let _app = cloud.worker("shop", |worker: Worker| worker.serve_with(Shop::open)).await.unwrap();
    let id = buy(&cloud, "tea");
    let mut child = Command::new(env!("CARGO_BIN_EXE_cocaine"))
        .args(["trace", "-f", &id, "--output", "jsonl"])
        .env("COCAINE_LOCATOR", cloud.locator_addr().to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        serde_json::from_str::<Json>(&line).unwrap()["message"].clone()
    };
    assert_eq!(next(), "bought tea");
    assert_eq!(next(), "paid \u{1b}[2J");
    // A text may name the request, too.
    let logging: LoggingClient = cloud.client().service().await.unwrap();
    logging.emit(Severity::Info, "mail", &format!("sent for {id}"), None).await.unwrap();
    // This thread is about to wait for the program, and sends nothing meanwhile.
    logging.verbosity().await.unwrap();
    assert_eq!(next(), format!("sent for {id}"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn unknown_trace_says_what_the_log_has() {
    let cloud = Cloud::start().await.unwrap();
    let output = run(&cloud, &["trace", "5f1d00c2a9be4411"]);
    let (stdout, stderr) = ended(&output, 3);
    assert!(stdout.is_empty() && stderr.contains("no line of this request: the node has"), "{stderr}");
    assert!(stderr.contains("`--file LOG`"), "{stderr}");
}

#[test]
fn files_are_merged_by_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (log, access) = (path("node.log"), path("access.log"));
    fs::write(
        &log,
        r#"{"time":"2025-01-31T12:00:00.2505Z","level":"info","source":"app/shop","message":"sold","attributes":{"trace_id":"00000000000000ff"}}"#,
    )
    .unwrap();
    fs::write(
        &access,
        r#"{"time":"2025-01-31T12:00:00.250Z","method":"GET","uri":"/shop/","status":200,"request_id":"ff"}"#,
    )
    .unwrap();
    // No cloud is asked.
    let output =
        run_at("127.0.0.1:1", &["--output", "plain", "trace", "ff", "--file", &log, "--file", &access]);
    assert_eq!(
        ended(&output, 0),
        (
            "+0.000 ms\t2025-01-31T12:00:00.250Z\tinfo\taccess\t-\tGET /shop/ 200 request_id=ff\n\
             +0.500 ms\t2025-01-31T12:00:00.2505Z\tinfo\tapp/shop\t-\tsold trace_id=00000000000000ff\n",
            ""
        )
    );
    let missing = run_at("127.0.0.1:1", &["trace", "fe", "--file", &log]);
    assert!(ended(&missing, 3).1.contains("the files have no line of this request"));
    let no_file = run_at("127.0.0.1:1", &["trace", "fe", "--file", &path("no")]);
    assert!(ended(&no_file, 1).1.contains("No such file"));
}
