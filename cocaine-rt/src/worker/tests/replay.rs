//! What recorded workers heard, said again to this one: it answers in the recorded bytes (`traces/README.md`).

use std::{collections::BTreeSet, future::pending, time::Duration};

use test_support::{
    hex,
    recording::{self, Recording},
};
use tokio::time::Instant;

use super::serve;
use crate::{
    Session, Worker,
    protocol::{
        code::{Category, Code},
        error::{Error, Result},
    },
    tests::peer::Peer,
};

/// Recordings without a word of another kind than this worker's.
const PLAYED: &[&str] = &[
    "flow.0",
    "fwpy.0",
    "hs.0",
    "nodeenq.0",
    "w-badmethod.1",
    "w-badtimeout.0",
    "w-deadline.0",
    "w-errorflat.1",
    "w-exit.1",
    "w-garbage.1",
    "w-idle.0",
    "w-nohb.0",
    "w-nohb.1",
    "w-pause.0",
    "w-profile-timeout.0",
    "w-queue.0",
    "w-terminate.1",
    "w-timeout.0",
];

/// Recordings of workers that break a rule, which this one cannot: the frame that it leaves out.
const UNSAID: &[(&str, &str)] = &[
    ("flow.0", "93120091ab61667465722063686f6b65"),
    ("w-badchannel.0", "93680091a178"),
    ("w-badmethod.0", "93040990"),
    ("w-badtype.0", "930400912a"),
    ("w-errorflat.0", "9304019207b56f6c642076302f7631207374796c65206572726f72"),
    ("w-garbage.0", "c1c1"),
    ("w-nullchunk.0", "93040090"),
    ("w-terminate.0", "9301019205b0776f726b65722077616e7473206f7574"),
];

/// Recordings of workers that leave without a word: what this one says in their place.
const LEAVES: &[(&str, &str)] = &[("w-exit.0", ""), ("w-noack.0", CONFIRMED)];

/// `[1,1,[0,"confirmed"]]`, as the framework in C++ says it.
const CONFIRMED: &str = "9301019200a9636f6e6669726d6564";

/// What this worker says in other words.
const REPHRASED: &[(&str, &str)] = &[
    // "ack"
    ("9301019200a361636b", CONFIRMED),
    // An error without a text: here each has one, and a client reads an empty one in both cases.
    ("930c0191922a07", "930c0192922a07a0"),
    // "there is no handler for event b'nohandler'": an accident of Python 3 (`worker.md` 3.6).
    (
        "93070192922accc8da002a7468657265206973206e6f2068616e646c657220666f72206576656e742062276e6f68616e646c657227",
        "93070192922accc8da00277468657265206973206e6f2068616e646c657220666f72206576656e74206e6f68616e646c6572",
    ),
];

const HEARTBEAT: &str = "93010090";

/// Returns how often the recorded worker sent a heartbeat.
fn interval(name: &str) -> Duration {
    Duration::from_secs(match name {
        "fwpy.0" => 20,
        "w-nohb.0" | "w-nohb.1" => 1,
        _ => 2,
    })
}

/// Returns a worker that handles the events of the recordings.
fn worker(name: &str, trace: &Recording) -> Worker {
    let worker = Worker::new(&trace.runtime_argv).unwrap().heartbeat_interval(interval(name));
    // The recorded workers left at once.
    let worker = worker
        .shutdown_timeout(Duration::ZERO)
        .on("ping", |session: Session| async move { session.finish_with("pong") })
        .on("stream", stream)
        .on("bin", |session: Session| async move { session.finish_with((0..=255).collect::<Vec<u8>>()) })
        .on("big", |session: Session| async move { session.finish_with(vec![b'B'; 100_000]) })
        .on("choke-only", |session: Session| async move { session.finish() })
        .on("late-chunk", |session: Session| async move { session.finish_with("a") })
        .on("error", |_: Session| async { Err(Error::service(Code::new(Category::WORKER, 7), "user error")) })
        .on("error-noreason", |_: Session| async { Err(Error::service(Code::new(Category::WORKER, 7), "")) })
        .on("err", |_: Session| async { Err(Error::service(Code::HANDLER_FAILED, "framework error")) })
        .on("raise", |_: Session| async { Err(Error::service(Code::HANDLER_FAILED, "boom")) })
        .on("store", |mut session: Session| async move {
            session.recv().await.transpose()?;
            session.finish_with("stored-by-worker")
        });
    if name == "fwpy.0" {
        worker.on("echo", |mut session: Session| async move {
            match session.recv().await.transpose()? {
                Some(chunk) => session.finish_with(chunk),
                None => session.finish(),
            }
        })
    } else {
        worker.on("echo", super::echo).fallback(other)
    }
}

async fn stream(mut session: Session) -> Result<()> {
    for number in 0..5 {
        session.send(format!("chunk-{number}")).await?;
    }
    session.finish()
}

/// Refuses what is not known, and leaves open what the recorded worker left open, or broke a rule on.
async fn other(session: Session) -> Result<()> {
    match session.event() {
        "no-such-event" => Err(Error::service(Code::SERVICE_NOT_AVAILABLE, "unknown event: no-such-event")),
        _ => pending().await,
    }
}

/// A recording that is played.
struct Play {
    name: &'static str,
    node: Peer,
    interval: Duration,
    start: Instant,
    beats: u32,
    ended: bool,
}

/// Says what the recorded node said, and expects what the recorded worker answered.
async fn play(name: &'static str) {
    let trace = Recording::read(&format!("worker/{name}"));
    let (node, _served) = serve(worker(name, &trace), ());
    let mut play =
        Play { name, node, interval: interval(name), start: Instant::now(), beats: 0, ended: false };
    for event in &trace.events {
        match event.dir.as_str() {
            "r2w" => play.node.write(&event.hex).await,
            "w2r" => {
                for frame in event.frames() {
                    play.expect(&hex::encode(&frame)).await;
                }
            }
            _ => {}
        }
    }
    if let Some((_, instead)) = LEAVES.iter().find(|(left, _)| *left == name) {
        play.expect(instead).await;
    }
    if play.ended {
        play.node.expect_end().await;
    } else {
        play.node.expect_silence().await;
    }
}

impl Play {
    async fn expect(&mut self, frame: &str) {
        if UNSAID.contains(&(self.name, frame)) {
            return;
        }
        let rephrased = REPHRASED.iter().find(|(recorded, _)| *recorded == frame);
        let frame = rephrased.map_or(frame, |(_, own)| own);
        println!("{}: {}", self.name, &frame[..frame.len().min(100)]);
        if frame == HEARTBEAT {
            // The first is sent together with the handshake.
            let due = self.interval * self.beats;
            self.node.expect_after(self.interval, frame).await;
            let late = self.start.elapsed().checked_sub(due);
            let late = late.unwrap_or_else(|| panic!("{}: a heartbeat before {due:?}", self.name));
            assert!(late < Duration::from_millis(100), "{}: a heartbeat {late:?} late", self.name);
            self.beats += 1;
        } else {
            self.node.expect(frame).await;
        }
        self.ended = frame == CONFIRMED;
    }
}

#[tokio::test(start_paused = true)]
async fn recorded_events_are_answered_in_the_recorded_bytes() {
    for name in PLAYED {
        play(name).await;
    }
}

#[tokio::test(start_paused = true)]
async fn recorded_misdeeds_are_not_committed() {
    let misdeeds = UNSAID.iter().chain(LEAVES).filter(|(name, _)| !PLAYED.contains(name));
    for (name, _) in misdeeds {
        play(name).await;
    }
}

#[test]
fn no_recording_is_left_out() {
    let named = UNSAID.iter().chain(LEAVES).map(|(name, _)| name).chain(PLAYED);
    let named: BTreeSet<_> = named.map(|name| format!("worker/{name}")).collect();
    let found: BTreeSet<_> = recording::names("worker").into_iter().collect();
    assert_eq!(named, found);
}
