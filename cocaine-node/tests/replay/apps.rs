//! Apps: what their clients and their workers read, each time by the bytes.

use std::time::Duration;

use cocaine::Value;
use cocaine_bindings::Node as _;
use cocaine_node::Node;
use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::{Value as Json, json};
use test_support::recording::{Event, Recording};

use crate::{
    app_node::{Setting, Stage, upload},
    expected::{REFUSED, TOLD},
    peer::{Peer, answer},
    wire::{decode_frames, of_runtime},
};

/// What the clients of one app do, one after the other, and the recordings of its workers.
struct Story {
    app: &'static str,
    mode: &'static str,
    scenes: &'static [Scene],
    workers: &'static [&'static str],
}

/// One client.
enum Scene {
    /// That of a recording.
    Recorded(&'static str),
    /// One of whom only what the worker read is recorded: `>` what it says, `<` what it reads, without headers.
    Own(&'static str, &'static [&'static str]),
}

use Scene::{Own, Recorded};

/// The app of the recordings of ordinary events: its first worker breaks a rule at last, its second has no recording.
const FLOW: Story = Story {
    app: "flow",
    mode: "",
    scenes: &[
        Recorded("app/ping"),
        Recorded("app/ping_with_tag"),
        Recorded("app/echo"),
        Own(
            "all at once",
            &[
                ">93010091a46563686f",
                ">93010091a77061796c6f6164",
                ">93010290",
                "<94010091a77061796c6f6164",
                "<94010290",
            ],
        ),
        Own(
            "two channels",
            &[
                ">93010091a46563686f",
                ">93020091a46563686f",
                ">93020091a162",
                "<94020091a162",
                ">93010091a161",
                "<94010091a161",
                ">93020290",
                "<94020290",
                ">93010290",
                "<94010290",
            ],
        ),
        Recorded("app/client_error"),
        Recorded("app/client_error_noreason"),
        Own(
            "revoked",
            &[
                ">93010091a46563686f",
                ">93010091a178",
                "<94010091a178",
                // revoke, of channel 1, for [1, 125]
                ">9302cdffff920192017d",
                "<94020090",
            ],
        ),
        Recorded("app/worker_error"),
        Recorded("app/worker_error_noreason"),
        Recorded("app/worker_unknown_event"),
        Recorded("app/stream"),
        Recorded("app/binary"),
        Recorded("app/big"),
        Recorded("app/choke_only"),
        Recorded("app/late_chunk"),
        Recorded("app/after_late_chunk_ping"),
        Recorded("app/with_headers"),
        Recorded("app/headers_none"),
        Recorded("app/headers_trace"),
        Recorded("app/headers_trace_bit"),
        Recorded("app/headers_custom"),
        Recorded("app/headers_timeout"),
        Recorded("app/headers_chunk"),
        // Without this one the report would count one event less.
        Own("one more", &[">93010091a470696e67", "<94010091a4706f6e67", "<94010290", ">93010290"]),
        Recorded("app/info"),
        Recorded("app/unknown_method"),
        Recorded("app/control"),
    ],
    workers: &["worker/flow.0"],
};

const fn story(app: &'static str, scenes: &'static [Scene], workers: &'static [&'static str]) -> Story {
    Story { app, mode: "", scenes, workers }
}

const STORIES: &[Story] = &[
    FLOW,
    story("nodeenq", &[Recorded("node/enqueue_ping"), Recorded("node/control")], &["worker/nodeenq.0"]),
    Story {
        app: "fwpy",
        mode: "python",
        scenes: &[
            Recorded("pyframework/worker_ping"),
            Recorded("pyframework/worker_echo"),
            Own(
                "store",
                &[
                    ">93010091a573746f7265",
                    ">93010091a26b31",
                    "<94010091b073746f7265642d62792d776f726b6572",
                    "<94010290",
                    ">93010290",
                ],
            ),
            Recorded("pyframework/worker_err"),
            Own("raise", &[">93010091a57261697365", "<94010192922a64a4626f6f6d"]),
            Recorded("pyframework/worker_unknown"),
        ],
        workers: &["worker/fwpy.0"],
    },
    story("hs", &[Recorded("handshake/client_side")], &["worker/hs.0"]),
    story("w-badchannel", &[Recorded("app/death_w-badchannel")], &["worker/w-badchannel.0"]),
    story(
        "w-badmethod",
        &[Recorded("app/death_w-badmethod")],
        &["worker/w-badmethod.0", "worker/w-badmethod.1"],
    ),
    story("w-badtype", &[Recorded("app/death_w-badtype")], &["worker/w-badtype.0"]),
    story(
        "w-errorflat",
        &[Recorded("app/death_w-errorflat")],
        &["worker/w-errorflat.0", "worker/w-errorflat.1"],
    ),
    story("w-exit", &[Recorded("app/death_w-exit")], &["worker/w-exit.0", "worker/w-exit.1"]),
    story("w-garbage", &[Recorded("app/death_w-garbage")], &["worker/w-garbage.0", "worker/w-garbage.1"]),
    story("w-nohb", &[Recorded("app/death_w-nohb")], &["worker/w-nohb.0", "worker/w-nohb.1"]),
    story("w-nullchunk", &[Recorded("app/death_w-nullchunk")], &["worker/w-nullchunk.0"]),
    story(
        "w-terminate",
        &[Recorded("app/death_w-terminate")],
        &["worker/w-terminate.0", "worker/w-terminate.1"],
    ),
    story("w-deadline", &[Recorded("app/deadline")], &["worker/w-deadline.0"]),
    story("w-idle", &[Recorded("app/idle")], &["worker/w-idle.0"]),
    Story {
        app: "w-noack",
        mode: "noack",
        scenes: &[Recorded("app/idle_noack")],
        workers: &["worker/w-noack.0"],
    },
    story("w-pause", &[Recorded("app/pause_while_open")], &["worker/w-pause.0"]),
    story(
        "w-profile-timeout",
        &[Own(
            "out of time",
            &[">93010091a4686f6c64", "<9401019292cd51ff03b8736c61766520686173206265656e20646973636172646564"],
        )],
        &["worker/w-profile-timeout.0"],
    ),
    story("w-queue", &[Recorded("app/queue_full")], &["worker/w-queue.0"]),
    story("w-timeout", &[Recorded("app/request_timeout_running")], &["worker/w-timeout.0"]),
];

/// Straight to the socket where the workers connect.
const HANDSHAKES: &[&str] = &[
    "handshake/bad_uuid_type",
    "handshake/channel_2",
    "handshake/graphless_ping",
    "handshake/terminate_first",
];

/// No app needs to run for these.
const NODE: &[&str] = &["node/enqueue_not_running", "node/start_missing_app"];

/// Apps are started, listed, described and stopped.
const LIFECYCLE: &str = "node/start_list_info_pause";

/// Returns the names of all recordings that are played here.
pub(crate) fn played() -> Vec<&'static str> {
    let mut names = [NODE, HANDSHAKES, REFUSED, &[LIFECYCLE]].concat();
    names.extend(TOLD.iter().map(|(name, ..)| *name));
    for story in STORIES {
        names.extend(story.workers);
        names.extend(story.scenes.iter().filter_map(|scene| match scene {
            Recorded(name) => Some(*name),
            Own(..) => None,
        }));
    }
    names
}

/// Returns what an app is recorded to have been run with; timeouts are as short as the recording allows.
fn profile(app: &str) -> Json {
    match app {
        "w-queue" => json!({"pool-limit": 1, "concurrency": 1, "queue-limit": 1}),
        "w-deadline" => json!({"pool-limit": 1, "concurrency": 1}),
        "w-nohb" => json!({"pool-limit": 1, "heartbeat-timeout": 2.0}),
        "w-profile-timeout" => json!({"pool-limit": 1, "request-timeout": 2.0}),
        "w-nohandshake" => json!({"pool-limit": 1, "handshake-timeout": 0.2}),
        _ => json!({"pool-limit": 1}),
    }
}

impl Story {
    fn setting(&self, recorded: bool) -> Setting {
        let scripts = if recorded { self.workers } else { &[] };
        Setting { app: self.app, profile: profile(self.app), mode: self.mode, scripts, slave: "run.sh" }
    }

    /// Plays the clients, with workers that play their recordings or with such as behave like the recorded ones.
    async fn play(&self, recorded: bool) {
        let stage = Stage::open(&self.setting(recorded)).await;
        for scene in self.scenes {
            match scene {
                Recorded(name) => {
                    if *name == "app/info" {
                        stage.until(&["load"], |load| load == 0).await;
                    }
                    let peer = stage.peer(name).await;
                    play(&stage, name, peer).await;
                }
                Own(name, lines) => stage.own_peer(name, own(lines)).await.play().await,
            }
        }
        let played = stage.close().await;
        assert_eq!(played, if recorded { self.workers.len() } else { 0 }, "{}: workers", self.app);
    }
}

fn own(lines: &[&str]) -> Vec<Event> {
    let event = |line: &&str| match line.split_at(1) {
        (">", hex) => Event::from_frame("c2s", hex.to_owned()),
        (_, hex) => Event::from_frame("s2c", of_runtime(hex)),
    };
    lines.iter().map(event).collect()
}

/// Plays a recording. Where the client waited, the test waits for what it waited for.
async fn play(stage: &Stage, name: &str, mut peer: Peer) {
    let mut waited = 0;
    while let Some(note) = peer.play_to_note().await {
        if note.starts_with("pause_app") {
            stage.apps.pause_app(stage.app).await.unwrap();
        } else if note.starts_with("ping again") {
            stage.awaited("ping").await;
        }
        match (name, waited) {
            ("app/queue_full" | "app/deadline" | "app/pause_while_open", 0) => {
                stage.until(&["load"], |load| load == 1).await;
            }
            // The event expires after a second, of which nothing is to be seen while no worker has room.
            ("app/deadline", 1) => tokio::time::sleep(Duration::from_millis(1100)).await,
            _ => {}
        }
        waited += 1;
    }
    peer.play().await;
}

/// Plays some stories at once: most of them wait now and then.
async fn play_all(recorded: bool) {
    stream::iter(STORIES).for_each_concurrent(4, |story| story.play(recorded)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_clients_and_workers_read_recorded_bytes() {
    play_all(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_clients_of_live_workers_read_recorded_bytes() {
    play_all(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_socket_peers_read_recorded_bytes() {
    let story = STORIES.iter().find(|story| story.app == "hs").unwrap();
    let stage = Stage::open(&story.setting(false)).await;
    stage.peer("handshake/client_side").await.play().await;
    for name in HANDSHAKES {
        stage.worker_peer(name).await.play().await;
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_service_answers_as_recorded() {
    let setting = Setting { app: "other", profile: json!({}), mode: "", scripts: &[], slave: "run.sh" };
    let stage = Stage::open(&setting).await;
    for name in NODE {
        stage.peer(name).await.play().await;
    }
    stage.apps.pause_app("other").await.unwrap();
    let recorded = described(LIFECYCLE);
    let data = recorded.get("profile").and_then(|profile| profile.get("data")).unwrap();
    upload(&stage.storage, "lifecycle", recorded.get("manifest").unwrap(), data).await;
    stage.peer(LIFECYCLE).await.play().await;
    stage.close().await;
}

/// Returns the first report of a recording that holds the whole profile.
fn described(name: &str) -> Value {
    let answers = Recording::read(name).events.into_iter().filter(|event| event.dir == "s2c");
    let mut reports = answers.flat_map(|event| decode_frames(&event)).filter_map(|frame| {
        let report = frame.as_array()?.get(2)?.as_array()?.first()?;
        report.get("manifest").is_some().then(|| report.clone())
    });
    reports.next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_timeout_of_other_length_is_refused() {
    let (client, worker) = (Recording::read(REFUSED[0]), Recording::read(REFUSED[1]));
    assert!(client.events.iter().all(|event| event.dir != "s2c"), "nothing was ever answered");
    assert!(!worker.events.iter().any(|event| event.frames().any(|frame| frame[1] == 2)));
    let setting = Setting {
        app: "w-badtimeout",
        profile: profile("w-badtimeout"),
        mode: "",
        scripts: &[],
        slave: "run.sh",
    };
    let stage = Stage::open(&setting).await;
    let mut peer = stage.peer(REFUSED[0]).await;
    assert!(peer.play_to_note().await.is_some());
    let text = "request_timeout has 2 bytes; it takes 8, of milliseconds: Invalid argument";
    peer.expect(&answer(1, 1, vec![code(12, 22), text.into()])).await;
    assert!(peer.play_to_note().await.is_none());
    peer.expect(&answer(2, 0, vec!["pong".into()])).await;
    peer.expect(&answer(2, 2, Vec::new())).await;
    peer.silent().await;
    stage.close().await;
}

fn code(category: u64, code: u64) -> Value {
    Value::Array(vec![category.into(), code.into()])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_app_reports_after_startup_timeout() {
    join_all(TOLD.iter().map(|(name, mode, slave)| silent_then_told(name, mode, slave))).await;
}

async fn silent_then_told(name: &'static str, mode: &'static str, slave: &'static str) {
    let app = name.strip_prefix("app/").unwrap();
    let setting = Setting { app, profile: profile(app), mode, scripts: &[], slave };
    let stage = Stage::open(&setting).await;
    let mut peer = stage.peer(name).await;
    assert!(peer.play_to_note().await.is_some());
    stage.until(&["pool", "total:crashed"], |crashed| crashed > 0).await;
    peer.play().await;
    stage.close().await;
    let stage = Stage::with(&setting, Node::builder().startup_timeout(Duration::from_millis(300))).await;
    let mut peer = stage.peer(name).await;
    assert!(peer.play_to_note().await.is_some());
    let told = peer.next().await;
    let Value::Array(args) = &told.as_array().unwrap()[2] else { panic!("{told} has no arguments") };
    let text = args[1].as_str().unwrap();
    assert!(text.starts_with(&format!("the app `{app}` does not start: ")), "{text}");
    assert_eq!(told, answer(1, 1, args.clone()), "an error");
    stage.close().await;
}
