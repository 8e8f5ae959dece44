//! Clouds of tests: what works, what is said when it does not, and what is left behind.

use std::{
    env,
    fs::{self, File},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use cocaine::{Code, Error as CallError, Session};
use cocaine_test::{App, Cloud, Error};

/// The variable that makes this program play a test that is killed: the pipe that its worker writes to.
const PLAYS_KILLED_TEST: &str = "COCAINE_TEST_PLAYS_KILLED_TEST";

#[cocaine::worker]
async fn ping(message: String) -> cocaine::Result<String> {
    println!("somebody says {message}");
    Ok(format!("pong {message}"))
}

#[cocaine::worker]
async fn add(left: i64, right: i64) -> cocaine::Result<i64> {
    left.checked_add(right).ok_or_else(|| CallError::user(7, "too large"))
}

async fn deploy(cloud: &Cloud) -> Result<App, Error> {
    cloud.worker("echo", |worker| worker.serve(cocaine::events![ping, add])).await
}

fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("worker.sh");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn worker_in_this_process_answers() -> Result<(), Error> {
    let cloud = Cloud::start().await?;
    let app = deploy(&cloud).await?;
    assert_eq!(app.call::<String>("ping", "Ada").await?, "pong Ada");
    assert_eq!(app.call::<i64>("add", (1, 2)).await?, 3);
    let error = app.call::<i64>("add", (i64::MAX, 1)).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::new(cocaine::Category::WORKER_USER, 7)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_clouds_run_side_by_side() -> Result<(), Error> {
    let (first, second) = tokio::try_join!(Cloud::start(), Cloud::start())?;
    assert_ne!(first.locator_addr(), second.locator_addr());
    let (one, two) = (deploy(&first).await?, deploy(&second).await?);
    drop(first);
    assert_eq!(two.call::<String>("ping", "two").await?, "pong two");
    assert!(one.call::<String>("ping", "one").await.is_err());
    Ok(())
}

#[tokio::test]
async fn panicked_worker_is_replaced() -> Result<(), Error> {
    let cloud = Cloud::start().await?;
    let started = AtomicBool::new(false);
    let app = cloud
        .worker("frail", move |worker| {
            let is_first = !started.swap(true, Ordering::Relaxed);
            async move {
                assert!(!is_first, "no luck the first time");
                worker
                    .on("ping", |session: Session| async move { session.finish_with("pong") })
                    .serve(())
                    .await
            }
        })
        .await?;
    assert_eq!(app.call_raw("ping", "").await?, "pong");
    let text = "it has panicked: no luck the first time";
    assert_eq!(app.wait_for_output(text).await?, text);
    Ok(())
}

#[tokio::test]
async fn new_version_of_a_worker_replaces_the_former() -> Result<(), Error> {
    let cloud = Cloud::start().await?;
    for version in ["one", "two"] {
        let run = move |worker: cocaine::Worker| {
            worker
                .on("version", move |session: Session| async move { session.finish_with(version) })
                .serve(())
        };
        let app = cloud.worker("app", run).await?;
        assert_eq!(app.call_raw("version", "").await?, version);
    }
    Ok(())
}

#[tokio::test]
async fn error_shows_the_output_of_a_program() -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let program = script(folder.path(), "echo \"I miss $WHAT\"; exit 3");
    let cloud = Cloud::start().await?;
    let app = cloud.program("broken", program).env("WHAT", "a library").await?;
    let error = app.call::<()>("ping", ()).await.unwrap_err().to_string();
    assert!(error.starts_with("the event `ping` of the app `broken`: "), "{error}");
    assert!(error.contains("exit status: 3") && error.contains("I miss a library"), "{error}");
    assert_eq!(app.output()[0], "I miss a library");
    Ok(())
}

#[tokio::test]
async fn missing_program_is_named() -> Result<(), Error> {
    let cloud = Cloud::start().await?;
    let error = cloud.program("app", "/no/such/program").await.unwrap_err();
    let text = "the program /no/such/program of the app `app` cannot be read: No such file or directory";
    assert!(error.to_string().starts_with(text), "{error}");
    Ok(())
}

#[tokio::test]
async fn late_condition_is_named_with_the_output() -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let program = script(folder.path(), "echo ready; exec sleep 1000");
    let cloud = Cloud::builder().timeout(Duration::from_millis(100)).start().await?;
    let app = cloud.program("mute", program).await?;
    let error = app.call_raw("ping", "").await.unwrap_err().to_string();
    assert!(
        error.starts_with("not within 100ms: an answer to the event `ping` of the app `mute`; "),
        "{error}"
    );
    while app.wait_for_output("ready").await.is_err() {}
    let error = cloud.wait_for("a miracle", async || None::<()>).await.unwrap_err().to_string();
    let expected = "not within 100ms: a miracle; the output of the app `mute` ends with:\nready";
    assert!(error.starts_with(expected), "{error}");
    Ok(())
}

/// A worker that holds a pipe open, together with a process that it has started.
const HOLDS_PIPE: &str =
    "exec 3> \"$PIPE\"; sh -c 'trap \"\" TERM; exec sleep 1000' & echo ready >&3; echo ready; wait";

fn pipe_in(folder: &Path) -> PathBuf {
    let path = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// Starts a worker that holds a pipe open, and returns once it does.
async fn hold_pipe(cloud: &Cloud, folder: &Path, pipe: &Path) -> Result<(), Error> {
    let program = script(folder, HOLDS_PIPE);
    let app = cloud.program("holder", program).env("PIPE", pipe.to_str().unwrap()).await?;
    let call = app.clone();
    tokio::spawn(async move { call.call_raw("ping", "").await });
    app.wait_for_output("ready").await.map(drop)
}

/// Reads a pipe until all that have it open have ended.
fn read_to_end(mut pipe: File) -> String {
    let mut text = String::new();
    pipe.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn dropped_cloud_leaves_no_process() -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe_in(folder.path());
    let opened = std::thread::spawn({
        let pipe = pipe.clone();
        move || File::open(pipe).unwrap()
    });
    let cloud = Cloud::start().await?;
    hold_pipe(&cloud, folder.path(), &pipe).await?;
    let opened = opened.join().unwrap();
    drop(cloud);
    assert_eq!(read_to_end(opened), "ready\n");
    Ok(())
}

/// Plays a test that is killed if the variable is set; does nothing otherwise.
#[tokio::test]
async fn plays_killed_test() -> Result<(), Error> {
    let Ok(pipe) = env::var(PLAYS_KILLED_TEST) else { return Ok(()) };
    let pipe = Path::new(&pipe);
    let cloud = Cloud::start().await?;
    hold_pipe(&cloud, pipe.parent().unwrap(), pipe).await?;
    std::future::pending().await
}

#[test]
fn killed_test_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe_in(folder.path());
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "plays_killed_test"]).env(PLAYS_KILLED_TEST, &pipe);
    let mut test = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let mut opened = File::open(&pipe).unwrap();
    let mut ready = [0; 6];
    opened.read_exact(&mut ready).unwrap();
    test.kill().unwrap();
    test.wait().unwrap();
    assert_eq!(read_to_end(opened), "");
}
