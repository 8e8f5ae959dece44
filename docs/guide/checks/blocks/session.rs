//! A reader who types the commands of the guide, from its first page to its last, with a cloud that runs.

use std::{env, fs, os::unix::fs::symlink, process::Command};

use cocaine_test::Cloud;
use tempfile::TempDir;

use crate::{book::Block, commands, programs::Programs};

/// The addresses of the guide's cloud.
const LOCATOR: &str = "localhost:10053";
const HTTP: &str = "127.0.0.1:8080";

/// The apps of the quick start.
const APPS: [(&str, &str); 3] = [
    ("hello", env!("CARGO_BIN_EXE_hello")),
    ("length", env!("CARGO_BIN_EXE_length")),
    ("shop", env!("CARGO_BIN_EXE_shop")),
];

/// A shell in a folder of its own, whose commands reach a cloud.
pub(crate) struct Session {
    folder: TempDir,
    programs: Programs,
    locator: String,
    http: String,
}

impl Session {
    pub(crate) fn new(cloud: &Cloud) -> Self {
        let folder = tempfile::tempdir().expect("a folder is made");
        // What `cargo build` has made of the apps of the quick start.
        let target = folder.path().join("target/debug");
        fs::create_dir_all(&target).expect("a folder is made");
        for (name, program) in APPS {
            symlink(program, target.join(name)).expect("a link is made");
        }
        let http = cloud.http_addr().expect("the cloud has a gateway").to_string();
        Self { folder, programs: Programs::new(), locator: cloud.locator_addr().to_string(), http }
    }

    /// Runs the commands of a block, and returns what is wrong with them.
    pub(crate) fn run(&self, block: &Block) -> Result<(), String> {
        if block.language() == "sh" {
            return commands::lines(&block.text).iter().try_for_each(|line| self.execute(line).map(drop));
        }
        let mut rest = block.text.as_str();
        while !rest.is_empty() {
            let Some(command) = rest.strip_prefix("$ ") else {
                return Err(format!("{rest:?} follows no command"));
            };
            let (line, after) = command.split_once('\n').unwrap_or((command, ""));
            let end =
                if after.starts_with("$ ") { 0 } else { after.find("\n$ ").map_or(after.len(), |at| at + 1) };
            let (expected, after) = after.split_at(end);
            let output = self.execute(line)?;
            if !matches(expected, &output) {
                return Err(format!("$ {line}\nthe guide says:\n{expected}\nit prints:\n{output}"));
            }
            rest = after;
        }
        Ok(())
    }

    /// Runs a command, which has to succeed, and returns what it prints on both streams.
    fn execute(&self, line: &str) -> Result<String, String> {
        let path = format!("{}:{}", self.programs.folder().display(), env::var("PATH").unwrap_or_default());
        let line = line.replace(LOCATOR, &self.locator).replace(HTTP, &self.http);
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {line}")])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("COCAINE_LOCATOR", &self.locator)
            .output()
            .map_err(|error| error.to_string())?;
        let text =
            String::from_utf8_lossy(&output.stdout).replace(&self.locator, LOCATOR).replace(&self.http, HTTP);
        if output.status.success() { Ok(text) } else { Err(format!("$ {line}\n{}: {text}", output.status)) }
    }
}

/// Returns whether a text is the expected one, in which `…` stands for anything.
fn matches(expected: &str, found: &str) -> bool {
    let mut parts = expected.trim_end().split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.trim_end().strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    // What ends with `…` may go on; anything else has to end.
    last == Some("") || rest.is_empty()
}

#[test]
fn ellipsis_stands_for_anything() {
    for (expected, found) in [("a\n", "a"), ("a…c", "abc"), ("…", "abc"), ("a…", "abc"), ("…c", "abc")]
    {
        assert!(matches(expected, found), "{expected}");
    }
    for (expected, found) in [("a", "ab"), ("a…d", "abc"), ("b…", "abc"), ("…b", "abc")] {
        assert!(!matches(expected, found), "{expected}");
    }
}
