//! Completion in shells.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    process::{Command, Output},
};

use cocaine_test::Cloud;
use tempfile::TempDir;

use crate::{
    command::{ended, run, store},
    program::{Programs, schema},
};

/// Completes the last of these words as bash does, with a configuration and a cache of its own.
fn complete_in_bash(folders: &TempDir, words: &str) -> Output {
    let script = format!(
        "source <('{}' completion bash)\nCOMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
         _clap_complete_cocaine cocaine \"${{COMP_WORDS[COMP_CWORD]}}\"\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
        env!("CARGO_BIN_EXE_cocaine")
    );
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", &script]).env_remove("COCAINE_LOCATOR").env_remove("COCAINE_CONTEXT");
    bash.env("XDG_CONFIG_HOME", folders.path().join("config"));
    bash.env("XDG_CACHE_HOME", folders.path().join("cache")).output().unwrap()
}

/// Completes until there is an answer: on a busy machine a cloud may not answer in the time that a shell waits.
fn complete_from_cloud(words: &str) -> Output {
    for _ in 0..200 {
        let output = complete_in_bash(&tempfile::tempdir().unwrap(), words);
        if output.stdout != b"\n" {
            return output;
        }
    }
    panic!("{words}: there is never a name");
}

#[tokio::test]
async fn names_of_the_cloud_are_completed() {
    let cloud = Cloud::start().await.unwrap();
    for name in ["links", "lists", "$(touch x)"] {
        store(&cloud, "manifests", name, &BTreeMap::new()).await;
    }
    let locator = cloud.locator_addr();
    let output = complete_from_cloud(&format!("cocaine --locator {locator} app upload ''"));
    let (names, said) = ended(&output, 0);
    assert!(names.starts_with("links\nlists\n") && !names.contains("touch"), "{names}");
    assert_eq!(said, "");
    let output = complete_from_cloud(&format!("cocaine record --locator={locator} calls.jsonl sto"));
    assert_eq!(ended(&output, 0), ("storage\n", ""));
}

#[tokio::test]
async fn later_arguments_depend_on_earlier_ones() {
    let cloud = Cloud::start().await.unwrap();
    let programs = Programs::new();
    let program = programs.describing("links", &schema("\"u32\""));
    ended(&run(&cloud, &["app", "upload", "links", "--program", &program]), 0);
    let locator = cloud.locator_addr();
    for (words, expected) in [
        ("app stop li", "links\n"),
        ("app restart --profile x li", "links\n"),
        ("storage get manifests li", "links\n"),
        ("storage rm apps other li", "links\n"),
        ("call --as hex storage re", "read\nremove\n"),
        ("call -H a=b --timeout 5 links sh", "shorten\n"),
    ] {
        let output = complete_from_cloud(&format!("cocaine --locator {locator} {words}"));
        assert_eq!(ended(&output, 0), (expected, ""), "{words}");
    }
}

#[test]
fn commands_and_contexts_need_no_cloud() {
    let folders = tempfile::tempdir().unwrap();
    let contexts = folders.path().join("config/cocaine/contexts");
    std::fs::create_dir_all(&contexts).unwrap();
    std::fs::write(contexts.join("live.toml"), "locator = \"a:1\"\n").unwrap();
    for (words, expected) in [
        ("cocaine rep", "replay\n"),
        ("cocaine app che", "check\n"),
        ("cocaine app upload --no-s", "--no-schema\n"),
        ("cocaine --context ''", "live\n"),
        ("cocaine context select ''", "live\n"),
        ("cocaine storage get pro", "profiles\n"),
    ] {
        let output = complete_in_bash(&folders, words);
        let names = ended(&output, 0).0;
        assert!(names.starts_with(expected), "{words}: {names:?}");
    }
}

#[test]
fn cloud_that_does_not_answer_says_nothing() {
    let folders = tempfile::tempdir().unwrap();
    // Connections are accepted by the system, and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    for locator in [&silent, "127.0.0.1:1", "no such:locator"] {
        let output =
            complete_in_bash(&folders, &format!("cocaine --locator '{locator}' record calls.jsonl x"));
        assert_eq!(ended(&output, 0).1, "", "{locator}");
    }
}
