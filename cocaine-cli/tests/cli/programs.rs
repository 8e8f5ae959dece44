//! `cocaine node` and `cocaine codegen`.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use cocaine::Client;
use cocaine_bindings::{Storage as _, StorageClient};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    command::{ended, run_at},
    program::Programs,
};

/// A node, which is killed when a test ends early.
pub(crate) struct Node(Child, BufReader<ChildStdout>);

impl Node {
    /// Starts a node, and returns the address of its locator, too.
    pub(crate) fn start(command: &mut Command, data: &str) -> (Self, String) {
        command
            .args(["node", "--listen", "127.0.0.1:0", "--data", data])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut node = Self(child, out);
        let mut line = String::new();
        node.1.read_line(&mut line).unwrap();
        let locator =
            line.strip_prefix("cocaine-node is listening on ").and_then(|rest| rest.split(' ').next());
        let locator = locator.unwrap_or_else(|| panic!("{line}")).to_owned();
        (node, locator)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn node_runs_workers_and_stops_on_signals() {
    let folder = Programs::new();
    let data = folder.path("data").display().to_string();
    let program = folder.add("worker", "#!/bin/sh\necho \"$0 was here\" >&2\nexit 3\n");
    for signal in [Signal::TERM, Signal::INT] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
        let (mut node, locator) = Node::start(&mut command, &data);
        let locator = locator.as_str();
        let upload = ["app", "upload", "broken", "--program", &program, "--no-schema", "--start"];
        // The node ran the program, and has read what it said.
        let output = run_at(locator, &upload);
        let (_, errors) = ended(&output, 1);
        assert!(errors.contains("exit status: 3") && errors.contains("/broken was here"), "{errors}");
        let storage: StorageClient = Client::new(locator).unwrap().service().await.unwrap();
        assert!(!storage.read("apps", "broken").await.unwrap().is_empty());
        kill_process(Pid::from_child(&node.0), signal).unwrap();
        let mut rest = String::new();
        node.1.read_to_string(&mut rest).unwrap();
        assert_eq!((rest.as_str(), node.0.wait().unwrap().code()), ("", Some(0)), "{signal:?}");
    }
}

#[test]
fn programs_have_help_and_versions_of_their_own() {
    let version = env!("CARGO_PKG_VERSION");
    for (program, usage) in [("node", "Usage: cocaine node "), ("codegen", "Usage: cocaine codegen ")] {
        let output = run_at("", &[program, "--help"]);
        let (help, errors) = ended(&output, 0);
        assert!(help.contains(usage) && errors.is_empty(), "{help}");
        let output = run_at("", &[program, "--version"]);
        assert_eq!(ended(&output, 0), (format!("cocaine-{program} {version}\n").as_str(), ""));
    }
    let output = run_at("", &["node", "--no-such-option"]);
    assert!(ended(&output, 2).1.contains("Usage: cocaine node "));
}

#[test]
fn options_before_a_program_are_refused() {
    for program in ["node", "codegen"] {
        let output = run_at("127.0.0.1:1", &["--timeout", "1", program]);
        let text = format!("error: options of `{program}` come after it: write `cocaine {program} …`\n");
        assert_eq!(ended(&output, 2), ("", text.as_str()));
    }
}
