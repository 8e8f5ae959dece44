//! `cocaine unicorn`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

use cocaine::Value;
use cocaine_bindings::{Unicorn as _, UnicornClient};
use cocaine_test::Cloud;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use test_support::address::ReservedAddress;

use crate::command::{ended, run};

/// `cocaine`, of which a test reads the lines while it runs. Dropping it kills it.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(locator: &str, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cocaine"))
            .args(args)
            .env("COCAINE_LOCATOR", locator)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn json(&mut self) -> Json {
        serde_json::from_str(&self.line()).unwrap()
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end, and returns the exit code and standard error.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let stderr = std::io::read_to_string(self.child.stderr.take().unwrap()).unwrap();
        (self.child.wait().unwrap().code(), stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn unicorn(cloud: &Cloud) -> UnicornClient {
    cloud.client().service().await.unwrap()
}

#[tokio::test]
async fn values_are_set_by_version_and_read() {
    let cloud = Cloud::start().await.unwrap();
    let set = |args: &[&str]| run(&cloud, &[&["unicorn", "set", "--output", "jsonl", "/a/b"], args].concat());
    let missing = run(&cloud, &["unicorn", "get", "/a/b"]);
    assert_eq!(ended(&missing, 3), ("", "error: there is nothing at /a/b\n"));
    let row =
        |version, value: &str| format!("{{\"path\":\"/a/b\",\"version\":{version},\"value\":{value}}}\n");
    assert_eq!(ended(&set(&["{\"x\": [1, null]}"]), 0), (row(0, "{\"x\":[1,null]}").as_str(), ""));
    assert_eq!(ended(&set(&["plain text"]), 0), (row(1, "\"plain text\"").as_str(), ""));
    assert_eq!(ended(&set(&["-5", "--version", "1"]), 0), (row(2, "-5").as_str(), ""));
    let said = "/a/b has the version 2, and is -5; nothing is changed\n";
    assert_eq!(ended(&set(&["6", "--version", "1"]), 7), ("", said));
    assert_eq!(ended(&set(&["6", "--version", "-1"]), 7), ("", said));
    let absent = run(&cloud, &["unicorn", "set", "/c", "6", "--version", "0"]);
    assert_eq!(ended(&absent, 7), ("", "/c is not there; nothing is changed\n"));
    ended(&set(&["6", "--version", "-2"]), 2);

    assert_eq!(
        ended(&run(&cloud, &["unicorn", "get", "/a/b"]), 0).0,
        "path     /a/b\nversion  2\nvalue    -5\n"
    );
    assert_eq!(ended(&run(&cloud, &["unicorn", "get", "/a/b", "--output", "plain"]), 0).0, "/a/b\t2\t-5\n");
    let parent = run(&cloud, &["unicorn", "get", "/a"]);
    assert!(ended(&parent, 1).1.contains("/a has children"), "{parent:?}");
    for path in ["a", "/a/", "//a", ""] {
        assert!(
            ended(&run(&cloud, &["unicorn", "get", path]), 2).1.contains("a path such as /settings/shop")
        );
    }
}

#[tokio::test]
async fn children_are_listed_in_order() {
    let cloud = Cloud::start().await.unwrap();
    let unicorn = unicorn(&cloud).await;
    for name in ["b", "a", "c\u{202e}"] {
        unicorn.create(&format!("/p/{name}"), &Value::Nil).await.unwrap();
    }
    let output = run(&cloud, &["unicorn", "ls", "/p", "--output", "jsonl"]);
    assert_eq!(ended(&output, 0), ("{\"name\":\"a\"}\n{\"name\":\"b\"}\n{\"name\":\"c\\u202e\"}\n", ""));
    assert_eq!(ended(&run(&cloud, &["unicorn", "ls", "/p"]), 0).0, "NAME\na\nb\nc\\u{202e}\n");
    assert_eq!(ended(&run(&cloud, &["unicorn", "ls", "/p/a"]), 0), ("", ""));
    let missing = run(&cloud, &["unicorn", "list", "/none"]);
    assert_eq!(ended(&missing, 3), ("", "error: there is nothing at /none\n"));
}

#[tokio::test]
async fn watch_prints_each_change_of_a_value() {
    let cloud = Cloud::start().await.unwrap();
    let (unicorn, locator) = (unicorn(&cloud).await, cloud.locator_addr().to_string());
    let mut watch = Running::start(&locator, &["unicorn", "watch", "/a", "--output", "jsonl"]);
    assert_eq!(watch.json(), json!({"path": "/a", "version": -1, "value": null}));
    unicorn.create("/a", &"one".into()).await.unwrap();
    assert_eq!(watch.json(), json!({"path": "/a", "version": 0, "value": "one"}));
    unicorn.put("/a", &2_u8.into(), 0).await.unwrap().unwrap();
    assert_eq!(watch.json(), json!({"path": "/a", "version": 1, "value": 2}));
    unicorn.remove("/a", -1).await.unwrap();
    assert_eq!(watch.json(), json!({"path": "/a", "version": -1, "value": null}));
    unicorn.create("/a", &"again".into()).await.unwrap();
    assert_eq!(watch.json(), json!({"path": "/a", "version": 0, "value": "again"}));
    watch.send(Signal::INT);
    assert_eq!(watch.end(), (Some(130), String::new()));
}

#[tokio::test]
async fn watch_prints_each_change_of_children() {
    let cloud = Cloud::start().await.unwrap();
    let (unicorn, locator) = (unicorn(&cloud).await, cloud.locator_addr().to_string());
    let mut watch = Running::start(&locator, &["unicorn", "watch", "/p", "--children", "--output", "plain"]);
    assert_eq!(watch.line(), "/p\t-");
    unicorn.create("/p/b", &Value::Nil).await.unwrap();
    assert_eq!(watch.line(), "/p\tb");
    unicorn.create("/p/a", &Value::Nil).await.unwrap();
    assert_eq!(watch.line(), "/p\ta b");
    let value = run(&cloud, &["unicorn", "watch", "/p"]);
    assert!(ended(&value, 1).1.contains("/p has children"), "{value:?}");
}

#[tokio::test]
async fn restarted_node_is_watched_again() {
    let (address, folder) = (ReservedAddress::new(), tempfile::tempdir().unwrap());
    let start =
        || Cloud::builder().node(|node| node.listen(address.get().to_string()).data(folder.path())).start();
    let cloud = start().await.unwrap();
    unicorn(&cloud).await.create("/a", &"one".into()).await.unwrap();
    let mut watch =
        Running::start(&address.get().to_string(), &["unicorn", "watch", "/a", "--output", "plain"]);
    assert_eq!(watch.line(), "/a\t0\t\"one\"");
    drop(cloud);
    let cloud = start().await.unwrap();
    unicorn(&cloud).await.put("/a", &"two".into(), 0).await.unwrap().unwrap();
    assert_eq!(watch.line(), "/a\t1\t\"two\"");
    watch.send(Signal::INT);
    let (code, said) = watch.end();
    assert_eq!(code, Some(130));
    assert!(said.contains("; /a is watched again\n"), "{said}");
}

#[tokio::test]
async fn lock_is_held_while_the_command_runs() {
    let cloud = Cloud::start().await.unwrap();
    let locator = cloud.locator_addr().to_string();
    let lock = |args: &[&str]| run(&cloud, &[&["unicorn", "lock", "/locks/a"], args].concat());
    assert_eq!(ended(&lock(&["--", "sh", "-c", "echo done; exit 7"]), 7), ("done\n", ""));
    assert!(ended(&lock(&["--", "/no/such/program"]), 1).1.contains("`/no/such/program` cannot be started"));
    ended(&lock(&[]), 2);

    let holder = ["unicorn", "lock", "/locks/a", "--", "sh", "-c", "echo held; read line"];
    let mut holder = Running::start(&locator, &holder);
    assert_eq!(holder.line(), "held");
    let late = lock(&["--wait", "0.5", "--", "true"]);
    let said = ended(&late, 6).1;
    assert!(
        said.starts_with("waiting for the lock /locks/a\nerror: the lock /locks/a is not acquired: "),
        "{said}"
    );
    let mut waiter = Running::start(&locator, &["unicorn", "lock", "/locks/a", "--", "echo", "mine"]);
    // Its standard input ends, and `read` with it.
    assert_eq!(holder.end(), (Some(1), String::new()));
    assert_eq!(waiter.line(), "mine");
    assert_eq!(waiter.end().0, Some(0));
}

#[tokio::test]
async fn signals_are_for_the_locked_command() {
    let cloud = Cloud::start().await.unwrap();
    let locator = cloud.locator_addr().to_string();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let args = ["unicorn", "lock", "/locks/a", "--", "sh", "-c", "echo held; exec sleep 60"];
        let mut holder = Running::start(&locator, &args);
        assert_eq!(holder.line(), "held");
        holder.send(signal);
        assert_eq!(holder.end(), (Some(code), String::new()));
    }
    // Nobody holds it any more.
    ended(&run(&cloud, &["unicorn", "lock", "/locks/a", "--", "true"]), 0);
}

#[tokio::test]
async fn lost_lock_ends_the_command() {
    for (command, killed) in
        [("echo held; exec sleep 60", false), ("trap '' TERM; echo held; while :; do read line; done", true)]
    {
        let cloud = Cloud::start().await.unwrap();
        let args = ["unicorn", "lock", "/locks/a", "--grace", "0.2", "--", "sh", "-c", command];
        let mut holder = Running::start(&cloud.locator_addr().to_string(), &args);
        assert_eq!(holder.line(), "held");
        drop(cloud);
        let stderr = holder.child.stderr.take().unwrap();
        assert_eq!(holder.child.wait().unwrap().code(), Some(1));
        let said = std::io::read_to_string(stderr).unwrap();
        assert!(said.starts_with("error: the lock /locks/a is lost: "), "{said}");
        assert_eq!(said.contains("has not ended within 200ms, and gets SIGKILL"), killed, "{said}");
    }
}
