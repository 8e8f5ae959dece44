//! The worker of these tests: this program, run again by a script in the uploaded archive.
//!
//! The script runs the one ignored test and passes it the node's arguments in the environment.

use std::{
    env,
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use cocaine::{Bytes, Error, Result, Session, Worker};

use crate::{local_events, site};

/// The variable with the node's arguments, one per line.
pub(crate) const ARGS: &str = "TEST_WORKER_ARGS";
/// The variable with the program of the worker.
pub(crate) const PROGRAM: &str = "TEST_WORKER_PROGRAM";
/// The variable with the behaviour of the worker, see [`run`].
pub(crate) const MODE: &str = "TEST_WORKER_MODE";

/// The content of `run.sh`.
pub(crate) const SCRIPT: &str = "#!/bin/sh\n\
    TEST_WORKER_ARGS=$(printf '%s\\n' \"$@\") exec \"$TEST_WORKER_PROGRAM\" --ignored --exact --nocapture worker::process\n";

#[test]
#[ignore = "run by the nodes of the other tests"]
fn process() {
    let args: Vec<String> = env::var(ARGS).expect("run by a node").lines().map(str::to_owned).collect();
    let mode = env::var(MODE).unwrap_or_default();
    println!("worker {} in mode {mode}", std::process::id());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(&mode, &args));
    std::process::exit(0);
}

async fn run(mode: &str, args: &[String]) {
    match mode {
        "exits" => {
            eprintln!("cannot find the library\nthat I need");
            std::process::exit(7);
        }
        "mute" => std::future::pending().await,
        "silent" => raw(args, |_| {}),
        "hasty" => raw(args, |socket| socket.write_all(&[0xc1, 0xc1]).unwrap()),
        "garbage" => raw(args, |socket| {
            await_event(socket);
            socket.write_all(&[0xc1, 0xc1]).unwrap();
        }),
        "ends-at-error" => raw(args, |socket| {
            await_bytes(socket, &[0x94, 2, 1]);
            println!("an error was read");
            std::process::exit(9);
        }),
        "flood" => raw(args, flood),
        "deaf" => raw(args, |socket| {
            await_event(socket);
            socket.write_all(&pid_chunk()).unwrap();
        }),
        _ => {
            let served = serve(args, mode).await;
            if let Err(error) = served {
                eprintln!("{error}");
                std::process::exit(3);
            }
        }
    }
}

async fn serve(args: &[String], mode: &str) -> Result<()> {
    let mut worker = Worker::new(args)?;
    if mode == "fast" {
        worker = worker.shutdown_timeout(Duration::from_millis(100));
    }
    let (terminating, terminated) = tokio::sync::watch::channel(());
    let until_terminated = worker.terminated();
    tokio::spawn(async move {
        until_terminated.await;
        drop(terminating);
    });
    let worker = site::add_events(worker, mode)
        .on("echo", echo)
        .on("perform", local_events::perform)
        .on("pid", |session: Session| async move { session.finish_with(std::process::id().to_string()) })
        .on("slow", |mut session: Session| async move {
            let millis = session.recv().await.transpose()?.unwrap_or_default();
            let millis: u64 = millis.as_str().and_then(|text| text.parse().ok()).unwrap_or(100);
            tokio::time::sleep(Duration::from_millis(millis)).await;
            session.finish_with("slow")
        })
        .on("hold", |mut session: Session| async move {
            session.send(std::process::id().to_string()).await?;
            session.context().cancelled().await;
            session.finish()
        })
        .on("page", move |mut session: Session| {
            let mut terminated = terminated.clone();
            async move {
                session.send(cocaine::msgpack::to_vec(&(200, [("", ""); 0])).unwrap()).await?;
                session.send("begun, ").await?;
                drop(terminated.changed().await);
                session.finish_with("ended")
            }
        })
        .on("pour", |mut session: Session| async move {
            let mib = session.recv().await.transpose()?.unwrap_or_default();
            let mib: usize = mib.as_str().and_then(|text| text.parse().ok()).unwrap_or(1);
            let chunk = Bytes::from(vec![b'x'; 64 << 10]);
            for _ in 0..mib * 16 {
                session.send(chunk.clone()).await?;
            }
            POURED.notify_one();
            session.finish()
        })
        .on("poured", |session: Session| async move {
            POURED.notified().await;
            session.finish()
        })
        .on("fail", |session: Session| async move { session.fail(&Error::user(7, "boom")) })
        .on("storage", |session: Session| async move {
            let storage = session.context().cloud().dynamic("storage").await?;
            let keys: Vec<String> = storage.call("find", ("manifests", ["app"])).await?;
            session.finish_with(keys.join(","))
        });
    worker.serve(()).await
}

/// Notified when a `pour` has sent everything.
static POURED: tokio::sync::Notify = tokio::sync::Notify::const_new();

async fn echo(mut session: Session) -> Result<()> {
    while let Some(chunk) = session.recv().await.transpose()? {
        session.send(chunk).await?;
    }
    session.finish()
}

/// Connects, sends the handshake and a heartbeat, calls `act`, and stays connected.
fn raw(args: &[String], act: impl FnOnce(&mut UnixStream)) {
    let value = |key: &str| &args[args.iter().position(|arg| arg == key).unwrap() + 1];
    let mut socket = UnixStream::connect(value("--endpoint")).unwrap();
    let uuid = value("--uuid");
    let handshake = [b"\x93\x01\x00\x91\xda\x00\x24", uuid.as_bytes(), b"\x93\x01\x00\x90"].concat();
    socket.write_all(&handshake).unwrap();
    act(&mut socket);
    loop {
        std::thread::park();
    }
}

/// Waits for the first invocation, which has the id 2.
fn await_event(socket: &mut UnixStream) {
    await_bytes(socket, &[0x94, 2, 0, 0x91]);
}

/// Reads until these bytes have come.
fn await_bytes(socket: &mut UnixStream, bytes: &[u8]) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.windows(bytes.len()).any(|window| window == bytes) {
        let read = socket.read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..read]);
    }
}

/// Returns a chunk on the first channel with the process id.
fn pid_chunk() -> Vec<u8> {
    let pid = std::process::id().to_string();
    let length = u8::try_from(pid.len()).unwrap();
    [&[0x93, 2, 0, 0x91, 0xa0 | length], pid.as_bytes()].concat()
}

/// Sends chunks on the first channel for ever.
fn flood(socket: &mut UnixStream) {
    await_event(socket);
    let chunk = [&[0x93, 2, 0, 0x91, 0xda, 0xff, 0xff], vec![b'x'; 0xffff].as_slice()].concat();
    while socket.write_all(&chunk).is_ok() {}
}
