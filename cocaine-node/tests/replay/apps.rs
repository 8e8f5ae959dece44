//! Replays of apps: the bytes that their clients and their workers receive.

use std::time::Duration;

use cocaine::Value;
use cocaine_bindings::Node as _;
use cocaine_node::Node;
use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::{Value as Json, json};
use test_support::recording::{Event, Recording};

use crate::{
    app_node::{AppNode, AppSettings, upload},
    expected::{MALFORMED_TIMEOUT, START_FAILURES},
    peer::{Peer, untraced_frame},
    wire::{decode_frames, with_untraced_headers},
};

/// The clients of one app, one after the other, and the recordings of its workers.
struct Scenario {
    app: &'static str,
    /// The mode of the worker processes (`process.rs`).
    mode: &'static str,
    clients: &'static [ClientScript],
    workers: &'static [&'static str],
}

/// The events of one client.
enum ClientScript {
    /// The events of a recording.
    Recorded(&'static str),
    /// Frames without headers, `>` sent and `<` received. Only the worker of this client was recorded.
    Inline(&'static str, &'static [&'static str]),
}

use ClientScript::{Inline, Recorded};

/// The app of ordinary events. Its first worker violates the protocol at the end; its second has no recording.
const FLOW: Scenario = Scenario {
    app: "flow",
    mode: "",
    clients: &[
        Recorded("app/ping"),
        Recorded("app/ping_with_tag"),
        Recorded("app/echo"),
        Inline(
            "all at once",
            &[
                ">93010091a46563686f",
                ">93010091a77061796c6f6164",
                ">93010290",
                "<94010091a77061796c6f6164",
                "<94010290",
            ],
        ),
        Inline(
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
        Inline(
            "revoked",
            &[
                ">93010091a46563686f",
                ">93010091a178",
                "<94010091a178",
                // `revoke` of channel 1 with the code [1, 125]
                ">9302cdffff920192017d",
                "<94020090",
                // What the worker sends then still arrives.
                "<94010290",
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
        // The recorded report counts one more event than the recordings show.
        Inline("one more", &[">93010091a470696e67", "<94010091a4706f6e67", "<94010290", ">93010290"]),
        Recorded("app/info"),
        Recorded("app/unknown_method"),
        Recorded("app/control"),
    ],
    workers: &["worker/flow.0"],
};

const fn scenario(
    app: &'static str,
    clients: &'static [ClientScript],
    workers: &'static [&'static str],
) -> Scenario {
    Scenario { app, mode: "", clients, workers }
}

const SCENARIOS: &[Scenario] = &[
    FLOW,
    scenario("nodeenq", &[Recorded("node/enqueue_ping"), Recorded("node/control")], &["worker/nodeenq.0"]),
    Scenario {
        app: "fwpy",
        mode: "python",
        clients: &[
            Recorded("pyframework/worker_ping"),
            Recorded("pyframework/worker_echo"),
            Inline(
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
            Inline("raise", &[">93010091a57261697365", "<94010192922a64a4626f6f6d"]),
            Recorded("pyframework/worker_unknown"),
        ],
        workers: &["worker/fwpy.0"],
    },
    scenario("hs", &[Recorded("handshake/client_side")], &["worker/hs.0"]),
    scenario("w-badchannel", &[Recorded("app/death_w-badchannel")], &["worker/w-badchannel.0"]),
    scenario(
        "w-badmethod",
        &[Recorded("app/death_w-badmethod")],
        &["worker/w-badmethod.0", "worker/w-badmethod.1"],
    ),
    scenario("w-badtype", &[Recorded("app/death_w-badtype")], &["worker/w-badtype.0"]),
    scenario(
        "w-errorflat",
        &[Recorded("app/death_w-errorflat")],
        &["worker/w-errorflat.0", "worker/w-errorflat.1"],
    ),
    scenario("w-exit", &[Recorded("app/death_w-exit")], &["worker/w-exit.0", "worker/w-exit.1"]),
    scenario("w-garbage", &[Recorded("app/death_w-garbage")], &["worker/w-garbage.0", "worker/w-garbage.1"]),
    scenario("w-nohb", &[Recorded("app/death_w-nohb")], &["worker/w-nohb.0", "worker/w-nohb.1"]),
    scenario("w-nullchunk", &[Recorded("app/death_w-nullchunk")], &["worker/w-nullchunk.0"]),
    scenario(
        "w-terminate",
        &[Recorded("app/death_w-terminate")],
        &["worker/w-terminate.0", "worker/w-terminate.1"],
    ),
    scenario("w-deadline", &[Recorded("app/deadline")], &["worker/w-deadline.0"]),
    scenario("w-idle", &[Recorded("app/idle")], &["worker/w-idle.0"]),
    Scenario {
        app: "w-noack",
        mode: "noack",
        clients: &[Recorded("app/idle_noack")],
        workers: &["worker/w-noack.0"],
    },
    scenario("w-pause", &[Recorded("app/pause_while_open")], &["worker/w-pause.0"]),
    scenario(
        "w-profile-timeout",
        &[Inline(
            "out of time",
            &[">93010091a4686f6c64", "<9401019292cd51ff03b8736c61766520686173206265656e20646973636172646564"],
        )],
        &["worker/w-profile-timeout.0"],
    ),
    scenario("w-queue", &[Recorded("app/queue_full")], &["worker/w-queue.0"]),
    scenario("w-timeout", &[Recorded("app/request_timeout_running")], &["worker/w-timeout.0"]),
];

/// Exchanges on the socket that workers connect to.
const HANDSHAKES: &[&str] = &[
    "handshake/bad_uuid_type",
    "handshake/channel_2",
    "handshake/graphless_ping",
    "handshake/terminate_first",
];

/// Exchanges with the node service that need no running app.
const NODE: &[&str] = &["node/enqueue_not_running", "node/start_missing_app"];

/// The exchange that starts, lists, describes and stops apps.
const LIFECYCLE: &str = "node/start_list_info_pause";

/// Returns the names of all recordings that this file plays.
pub(crate) fn played() -> Vec<&'static str> {
    let mut names = [NODE, HANDSHAKES, MALFORMED_TIMEOUT, &[LIFECYCLE]].concat();
    names.extend(START_FAILURES.iter().map(|(name, ..)| *name));
    for scenario in SCENARIOS {
        names.extend(scenario.workers);
        names.extend(scenario.clients.iter().filter_map(|client| match client {
            Recorded(name) => Some(*name),
            Inline(..) => None,
        }));
    }
    names
}

/// Returns the recorded profile of an app, with timeouts as short as the recording allows.
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

impl Scenario {
    fn settings(&self, recordings: &'static [&'static str]) -> AppSettings {
        AppSettings {
            app: self.app,
            profile: profile(self.app),
            mode: self.mode,
            recordings,
            slave: "run.sh",
        }
    }

    /// Plays the clients while the first workers replay these recordings.
    async fn play(&self, recordings: &'static [&'static str]) {
        let node = AppNode::start(&self.settings(recordings)).await;
        for client in self.clients {
            match client {
                Recorded(name) => {
                    if *name == "app/info" {
                        node.wait_for_info(&["load"], |load| load == 0).await;
                    }
                    let peer = node.peer(name).await;
                    play_client(&node, name, peer).await;
                }
                Inline(name, lines) => node.inline_peer(name, parse_events(lines)).await.play().await,
            }
        }
        let replayed = node.shutdown().await;
        assert_eq!(replayed, recordings.len(), "{}: workers", self.app);
    }
}

/// Parses the frames of [`Inline`].
fn parse_events(lines: &[&str]) -> Vec<Event> {
    let event = |line: &&str| match line.split_at(1) {
        (">", hex) => Event::from_frame("c2s", hex.to_owned()),
        (_, hex) => Event::from_frame("s2c", with_untraced_headers(hex)),
    };
    lines.iter().map(event).collect()
}

/// Plays a recording. Where the recorded client slept, the test waits for the condition that it slept for.
async fn play_client(node: &AppNode, name: &str, mut peer: Peer) {
    let mut notes = 0;
    while let Some(note) = peer.play_to_note().await {
        if note.starts_with("pause_app") {
            node.apps.pause_app(node.app).await.unwrap();
        } else if note.starts_with("ping again") {
            node.wait_for_workers_expecting("ping").await;
        }
        match (name, notes) {
            ("app/queue_full" | "app/deadline" | "app/pause_while_open", 0) => {
                node.wait_for_info(&["load"], |load| load == 1).await;
            }
            // The event expires after a second. While no worker has room, nothing shows that it has.
            ("app/deadline", 1) => tokio::time::sleep(Duration::from_millis(1100)).await,
            _ => {}
        }
        notes += 1;
    }
    peer.play().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_clients_and_workers_read_recorded_bytes() {
    // Most scenarios wait now and then, so some run at once.
    stream::iter(SCENARIOS).for_each_concurrent(4, |scenario| scenario.play(scenario.workers)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_clients_of_live_workers_read_recorded_bytes() {
    stream::iter(SCENARIOS).for_each_concurrent(4, |scenario| scenario.play(&[])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_socket_peers_read_recorded_bytes() {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.app == "hs").unwrap();
    let node = AppNode::start(&scenario.settings(&[])).await;
    node.peer("handshake/client_side").await.play().await;
    for name in HANDSHAKES {
        node.worker_peer(name).await.play().await;
    }
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_service_answers_as_recorded() {
    let settings =
        AppSettings { app: "other", profile: json!({}), mode: "", recordings: &[], slave: "run.sh" };
    let node = AppNode::start(&settings).await;
    for name in NODE {
        node.peer(name).await.play().await;
    }
    node.apps.pause_app("other").await.unwrap();
    let recorded = recorded_report(LIFECYCLE);
    let data = recorded.get("profile").and_then(|profile| profile.get("data")).unwrap();
    upload(&node.storage, "lifecycle", recorded.get("manifest").unwrap(), data).await;
    node.peer(LIFECYCLE).await.play().await;
    node.shutdown().await;
}

/// Returns the first report of a recording that contains the manifest and the profile.
fn recorded_report(name: &str) -> Value {
    let answers = Recording::read(name).events.into_iter().filter(|event| event.dir == "s2c");
    let mut reports = answers.flat_map(|event| decode_frames(&event)).filter_map(|frame| {
        let report = frame.as_array()?.get(2)?.as_array()?.first()?;
        report.get("manifest").is_some().then(|| report.clone())
    });
    reports.next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_timeout_of_other_length_is_refused() {
    let (client, worker) = (Recording::read(MALFORMED_TIMEOUT[0]), Recording::read(MALFORMED_TIMEOUT[1]));
    assert!(client.events.iter().all(|event| event.dir != "s2c"), "the original never answers");
    assert!(!worker.events.iter().any(|event| event.frames().any(|frame| frame[1] == 2)));
    let settings = AppSettings {
        app: "w-badtimeout",
        profile: profile("w-badtimeout"),
        mode: "",
        recordings: &[],
        slave: "run.sh",
    };
    let node = AppNode::start(&settings).await;
    let mut peer = node.peer(MALFORMED_TIMEOUT[0]).await;
    assert!(peer.play_to_note().await.is_some());
    let text = "request_timeout has 2 bytes; it takes 8, of milliseconds: Invalid argument";
    peer.expect(&untraced_frame(1, 1, vec![code(12, 22), text.into()])).await;
    assert!(peer.play_to_note().await.is_none());
    peer.expect(&untraced_frame(2, 0, vec!["pong".into()])).await;
    peer.expect(&untraced_frame(2, 2, Vec::new())).await;
    peer.expect_silence().await;
    node.shutdown().await;
}

fn code(category: u64, code: u64) -> Value {
    Value::Array(vec![category.into(), code.into()])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_app_reports_after_startup_timeout() {
    join_all(START_FAILURES.iter().map(|(name, mode, slave)| check_start_failure(name, mode, slave))).await;
}

/// Checks that the app stays silent for the default startup timeout, and that a shorter one reports the failure.
async fn check_start_failure(name: &'static str, mode: &'static str, slave: &'static str) {
    let app = name.strip_prefix("app/").unwrap();
    let settings = AppSettings { app, profile: profile(app), mode, recordings: &[], slave };
    let node = AppNode::start(&settings).await;
    let mut peer = node.peer(name).await;
    assert!(peer.play_to_note().await.is_some());
    node.wait_for_info(&["pool", "total:crashed"], |crashed| crashed > 0).await;
    peer.play().await;
    node.shutdown().await;
    let node =
        AppNode::start_with(&settings, Node::builder().startup_timeout(Duration::from_millis(300))).await;
    let mut peer = node.peer(name).await;
    assert!(peer.play_to_note().await.is_some());
    let error = peer.recv().await;
    let Value::Array(args) = &error.as_array().unwrap()[2] else { panic!("{error} has no arguments") };
    let text = args[1].as_str().unwrap();
    assert!(text.starts_with(&format!("the app `{app}` does not start: ")), "{text}");
    assert_eq!(error, untraced_frame(1, 1, args.clone()));
    node.shutdown().await;
}
