//! `cocaine top`.

use cocaine::{Result, events};
use cocaine_test::Cloud;
use serde_json::Value as Json;

use crate::{
    command::{ended, run, run_at},
    terminal::Terminal,
};

#[cocaine::worker]
async fn ping() -> Result<String> {
    Ok("pong".to_owned())
}

#[tokio::test]
async fn samples_are_lines_without_a_terminal() {
    let cloud = Cloud::start().await.unwrap();
    let _app = cloud.worker("links", |worker| worker.serve(events![ping])).await.unwrap();
    let _other = cloud.worker("shop", |worker| worker.serve(events![ping])).await.unwrap();
    ended(&run(&cloud, &["call", "links", "ping"]), 0);
    let output = run(&cloud, &["top", "-n", "2", "--interval", "0.1", "--output", "jsonl", "li"]);
    let samples: Vec<Json> =
        ended(&output, 0).0.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(samples.len(), 2);
    for sample in &samples {
        assert!(sample["time"].as_str().unwrap().ends_with('Z'), "{sample}");
        let apps = sample["apps"].as_array().unwrap();
        assert_eq!(apps.len(), 1, "{sample}");
        assert_eq!((&apps[0]["name"], &apps[0]["state"]), (&"links".into(), &"running".into()));
        assert_eq!((&apps[0]["accepted"], &apps[0]["queue"]), (&1.into(), &0.into()));
    }
    assert_eq!(samples[1]["apps"][0]["rate"], 0.0);
    let output = run(&cloud, &["top", "--output", "plain", "--sort", "crashed"]);
    let text = ended(&output, 0).0;
    let names: Vec<_> = text.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(names, ["links", "shop"]);
    assert_eq!(text.lines().next().unwrap().split('\t').count(), 11);
}

#[test]
fn node_that_is_away_ends_snapshots() {
    let output = run_at("127.0.0.1:1", &["top"]);
    assert!(ended(&output, 5).1.starts_with("error: the service `node` cannot be reached"), "{output:?}");
    ended(&run_at("127.0.0.1:1", &["top", "--interval", "0"]), 2);
}

#[tokio::test]
async fn keys_sort_select_and_end() {
    let cloud = Cloud::start().await.unwrap();
    let _app = cloud.worker("links", |worker| worker.serve(events![ping])).await.unwrap();
    let _other = cloud.worker("shop", |worker| worker.serve(events![ping])).await.unwrap();
    let mut top = Terminal::run((8, 100), &cloud.locator_addr().to_string(), &["top"]);
    let screen = top.wait_for_text("2 apps, 2 running");
    assert!(top.is_alternate());
    let lines: Vec<_> = screen.lines().collect();
    assert!(lines[2].starts_with("vNAME        STATE    WORKERS  BUSY"), "{screen}");
    assert!(lines[3].starts_with("links        running"), "{screen}");
    assert!(lines[4].starts_with("shop         running"), "{screen}");
    assert!(lines[7].starts_with("q quit  / filter  n name"), "{screen}");
    top.send("n");
    top.wait_for("the other way round", |screen| screen.contains("^NAME"));
    top.send("/sho");
    top.wait_for_text("/sho_");
    top.wait_for_text("1 apps, 1 running");
    top.resize(6, 60);
    let screen = top.wait_for("fewer columns", |screen| !screen.contains("REJECTED"));
    assert!(!screen.contains("links"), "{screen}");
    // What is typed is no command.
    top.send("q");
    top.wait_for_text("/shoq_");
    top.send("\u{1b}");
    top.wait_for_text("2 apps");
    top.send("q");
    assert_eq!(top.exit_code(), Some(0));
    top.wait_for("the screen is as before", |screen| screen.trim().is_empty());
    assert!(!top.is_alternate());
}

#[tokio::test]
async fn interrupted_top_restores_the_terminal() {
    let cloud = Cloud::start().await.unwrap();
    let mut top = Terminal::run((8, 100), &cloud.locator_addr().to_string(), &["top"]);
    top.wait_for_text("0 apps");
    top.send("\u{3}");
    assert_eq!(top.exit_code(), Some(130));
    top.wait_for("the screen is as before", |screen| screen.trim().is_empty());
    assert!(!top.is_alternate());
}

#[tokio::test]
async fn stopped_top_goes_on_in_foreground() {
    let cloud = Cloud::start().await.unwrap();
    let (locator, program) = (cloud.locator_addr().to_string(), env!("CARGO_BIN_EXE_cocaine"));
    let variables = [("COCAINE_LOCATOR", locator.as_str()), ("PS1", "shell> "), ("PROGRAM", program)];
    let shell = Terminal::spawn((10, 100), &variables, &["bash", "--norc", "--noprofile", "-i"]);
    shell.wait_for_text("shell> ");
    shell.send("$PROGRAM top; echo ended with $?\r");
    shell.wait_for_text("0 apps");
    shell.send("\u{1a}");
    shell.wait_for_text("Stopped");
    assert!(!shell.is_alternate());
    // The terminal shows what is typed, and has lines again.
    shell.send("echo a\u{7f}b\r");
    shell.wait_for("the shell answers", |screen| screen.contains("echo b\nb\n"));
    shell.send("fg\r");
    shell.wait_for_text("0 apps");
    shell.send("q");
    shell.wait_for_text("shell> fg");
    assert!(!shell.is_alternate());
}

#[tokio::test]
async fn node_that_returns_is_shown_again() {
    let folder = tempfile::tempdir().unwrap();
    let locator = format!("unix:{}", folder.path().join("locator").display());
    let listen = format!("127.0.0.1:0,{locator}");
    let start = || Cloud::builder().node(|node| node.listen(listen.as_str())).start();
    let cloud = start().await.unwrap();
    let top = Terminal::run((8, 100), &locator, &["top", "--interval", "0.1"]);
    top.wait_for_text("0 apps");
    drop(cloud);
    top.wait_for_text("the node is away since ");
    let cloud = start().await.unwrap();
    let _app = cloud.worker("links", |worker| worker.serve(events![ping])).await.unwrap();
    let screen = top.wait_for_text("1 apps, 1 running");
    assert!(!screen.contains("away"), "{screen}");
}
