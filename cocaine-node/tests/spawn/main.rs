//! Workers' processes, started by the program as a node starts them.

#[path = "../../src/apps/process/spawner.rs"]
mod spawn;

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use cocaine_node::helper::{self, Helper};
use spawn::{Process, ProcessSpec, Spawner};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt},
    net::unix::pipe::Receiver,
    time::timeout,
};

/// Where this program finds the pipe that its worker is to write to, once it plays the node.
const PLAYS_NODE: &str = "COCAINE_TEST_PLAYS_NODE";

/// How long to wait for what happens at once.
const PATIENCE: Duration = Duration::from_secs(20);

fn spawner() -> Spawner {
    Spawner::start(Helper::at(env!("CARGO_BIN_EXE_cocaine-node"))).unwrap()
}

fn launch(program: impl AsRef<Path>, args: &[&str]) -> ProcessSpec {
    ProcessSpec {
        program: program.as_ref().into(),
        arg0: "worker".into(),
        args: args.iter().map(Into::into).collect(),
        environment: [].into(),
        folder: "/".into(),
    }
}

fn shell(script: &str) -> ProcessSpec {
    launch("/bin/sh", &["-c", script])
}

async fn all(mut output: Receiver) -> String {
    let mut text = String::new();
    timeout(PATIENCE, output.read_to_string(&mut text)).await.expect("all that write have ended").unwrap();
    text
}

/// Starts a process and waits for its first line, which says that it is ready.
async fn ready(spawner: &Spawner, script: &str) -> (Process, Receiver) {
    let (process, output) = spawner.spawn(shell(script)).await.unwrap();
    let mut output = tokio::io::BufReader::with_capacity(1, output);
    let mut line = String::new();
    timeout(PATIENCE, output.read_line(&mut line)).await.unwrap().unwrap();
    assert_eq!(line, "ready\n");
    (process, output.into_inner())
}

async fn ended(process: &mut Process) -> std::process::ExitStatus {
    timeout(PATIENCE, process.wait()).await.expect("an end").unwrap()
}

#[tokio::test]
async fn a_process_gets_what_it_was_launched_with() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let script = "tr '\\0' ' ' < /proc/$$/cmdline; echo; pwd; echo \"$A $CARGO_MANIFEST_DIR $2\" >&2; cat";
    let mut launch = launch("/bin/sh", &["-c", script, "zero", "one", "two words"]);
    launch.arg0 = "./my app".into();
    launch.environment = [("A".into(), "a".into()), ("CARGO_MANIFEST_DIR".into(), "b".into())].into();
    launch.folder.clone_from(&folder);
    let (mut process, output) = spawner().spawn(launch).await.unwrap();
    let expected = format!("./my app -c {script} zero one two words \n{}\na b two words\n", folder.display());
    assert_eq!(all(output).await, expected);
    assert_eq!(ended(&mut process).await.code(), Some(0));
}

#[tokio::test]
async fn the_environment_of_the_node_is_there_too() {
    let (_process, output) = spawner().spawn(shell("echo $CARGO_MANIFEST_DIR")).await.unwrap();
    assert_eq!(all(output).await.trim_end(), env::var("CARGO_MANIFEST_DIR").unwrap());
}

#[tokio::test]
async fn a_program_is_found_in_its_folder_alone() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("app.sh");
    fs::write(&script, "#!/bin/sh\necho \"$0\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let run = async |program: &str| {
        let launch = ProcessSpec { folder: folder.path().into(), ..launch(program, &[]) };
        all(spawner().spawn(launch).await.unwrap().1).await
    };
    assert_eq!(run("app.sh").await, "./app.sh\n");
    assert!(run("sh").await.starts_with("cocaine-node: cannot run ./sh: No such file"));
}

#[tokio::test]
async fn the_end_is_told() {
    let (mut process, output) = spawner().spawn(shell("exit 7")).await.unwrap();
    assert_eq!(ended(&mut process).await.code(), Some(7));
    assert_eq!(ended(&mut process).await.code(), Some(7));
    assert_eq!(all(output).await, "");
}

#[tokio::test]
async fn terminate_lets_a_process_finish_and_kill_does_not() {
    let spawner = spawner();
    let script = "trap 'echo bye; exit 3' TERM; echo ready; sleep 1000 & wait";
    let (mut process, output) = ready(&spawner, script).await;
    process.terminate();
    assert_eq!(ended(&mut process).await.code(), Some(3));
    assert_eq!(all(output).await, "bye\n");

    let (mut process, output) = ready(&spawner, script).await;
    process.kill();
    assert_eq!(ended(&mut process).await.signal(), Some(9));
    assert_eq!(all(output).await, "");
    process.terminate();
}

#[tokio::test]
async fn those_that_it_started_end_with_it() {
    let spawner = spawner();
    let script = "(trap '' TERM; echo ready; exec sleep 1000) & ";
    let (mut process, output) = ready(&spawner, script).await;
    assert_eq!(ended(&mut process).await.code(), Some(0));
    all(output).await;

    let script = format!("{script} wait");
    let (process, output) = ready(&spawner, &script).await;
    let pid = process.pid;
    drop(process);
    all(output).await;
    // Not even as a zombie.
    until(|| !Path::new(&format!("/proc/{pid}")).exists()).await;
}

#[tokio::test]
async fn a_process_that_nobody_waits_for_any_more_is_killed() {
    let mark = format!("MARK_{}", std::process::id());
    let mut launch = shell("exec sleep 1000");
    launch.environment = [(mark.clone(), String::new())].into();
    let spawner = spawner();
    {
        let spawning = spawner.spawn(launch);
        tokio::pin!(spawning);
        // The request goes out at the first poll.
        assert!(futures_util::poll!(&mut spawning).is_pending());
    }
    // The next process is started only once that one was.
    let (_process, output) = spawner.spawn(shell("")).await.unwrap();
    all(output).await;
    until(|| !has_process_with(&mark)).await;
}

/// Returns whether a process runs that has `name` in its environment.
fn has_process_with(name: &str) -> bool {
    let has = |process: &fs::DirEntry| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|pair| pair.starts_with(name.as_bytes()))
    };
    fs::read_dir("/proc").unwrap().any(|process| has(&process.unwrap()))
}

async fn until(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, met).await.expect("it happens");
}

#[tokio::test]
async fn a_program_that_cannot_be_run_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let missing = folder.path().join("missing");
    let plain = file("plain", "#!/bin/sh\n", 0o644);
    let script = file("script", "#!/no/such/interpreter\n", 0o755);
    for (program, reason) in [
        (
            &missing,
            "No such file or directory (os error 2); a manifest's `slave` is a path within the package",
        ),
        (&plain, "Permission denied (os error 13); it has to be executable: `chmod +x`"),
        (
            &script,
            "No such file or directory (os error 2); it is there, but what its first line names is not",
        ),
        (&folder.path().to_owned(), "Permission denied (os error 13); it is a folder"),
    ] {
        let (mut process, output) = spawner().spawn(launch(program, &[])).await.unwrap();
        let said = all(output).await;
        let expected = format!("cocaine-node: cannot run {}: {reason}", program.display());
        assert!(said.starts_with(&expected) && said.ends_with('\n'), "{said}");
        assert_eq!(ended(&mut process).await.code(), Some(1));
    }
}

#[tokio::test]
async fn what_keeps_a_process_from_starting_is_an_error() {
    let failure = async |launch: ProcessSpec, helper: &str| {
        let spawner = Spawner::start(Helper::at(helper)).unwrap();
        spawner.spawn(launch).await.unwrap_err().to_string()
    };
    let node = env!("CARGO_BIN_EXE_cocaine-node");
    let text = failure(ProcessSpec { folder: "/no/such/folder".into(), ..shell("") }, node).await;
    assert!(text.starts_with("cannot start a process in /no/such/folder through "), "{text}");
    assert!(failure(shell(""), "/no/such/helper").await.contains("\"/no/such/helper\""));
    let environment = [("A".to_owned(), "\0".to_owned())].into();
    assert!(failure(ProcessSpec { environment, ..shell("") }, node).await.contains("nul byte"));
}

#[test]
fn a_worker_whose_node_is_gone_does_not_start() {
    let node = env!("CARGO_BIN_EXE_cocaine-node");
    let outcome = |args: &[&OsStr]| {
        let output = Command::new(node).arg("--exec-worker").args(args).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        String::from_utf8(output.stderr).unwrap()
    };
    let args = ["1000000000", "sh", "/bin/sh", "-c", "echo started"].map(OsStr::new);
    assert_eq!(outcome(&args), "cocaine-node: the node 1000000000 is gone\n");
    assert_eq!(outcome(&args[..2]), "cocaine-node: --exec-worker is for the node alone\n");
}

fn pipe_in(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// What comes out of a named pipe.
struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// Returns the next line, or `None` once all that write have ended.
    fn next_line(&mut self) -> Option<String> {
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("somebody still writes"),
        }
    }
}

fn lines(pipe: &Path) -> Lines {
    let (sender, receiver) = mpsc::channel();
    let pipe = pipe.to_owned();
    thread::spawn(move || {
        let lines = BufReader::new(File::open(pipe).unwrap()).lines();
        lines.map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    Lines(receiver)
}

/// Plays a node that has a worker, if it is started to; no test otherwise.
#[tokio::test]
async fn plays_node() {
    let Ok(pipe) = env::var(PLAYS_NODE) else { return };
    let spawner = spawner();
    // What this starts is not killed with the node, so it is short.
    let script = "exec 3> \"$PIPE\"; trap 'echo bye >&3; exit 0' TERM; echo ready >&3; while :; do sleep 0.01 >&- 3>&-; done";
    let mut launch = shell(script);
    launch.environment = [("PIPE".into(), pipe)].into();
    let (mut process, _output) = spawner.spawn(launch).await.unwrap();
    assert!(is_thread_there());
    drop(spawner);
    let mut told = String::new();
    std::io::stdin().read_line(&mut told).unwrap();
    assert!(is_thread_there());
    process.terminate();
    assert_eq!(process.wait().await.unwrap().code(), Some(0));
    drop(process);
    while is_thread_there() {
        thread::yield_now();
    }
}

fn is_thread_there() -> bool {
    let named = |thread: &fs::DirEntry| {
        fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name == "cocaine-spawner\n")
    };
    fs::read_dir("/proc/self/task").unwrap().any(|thread| named(&thread.unwrap()))
}

/// Starts this program again, to play the node.
fn played(pipe: &Path) -> std::process::Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "plays_node"]).env(PLAYS_NODE, pipe);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

#[test]
fn a_worker_does_not_outlive_its_node() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe_in(folder.path());
    let mut node = played(&pipe);
    let mut lines = lines(&pipe);
    assert_eq!(lines.next_line().as_deref(), Some("ready"));
    node.kill().unwrap();
    node.wait().unwrap();
    assert_eq!(lines.next_line(), None);
}

#[test]
fn the_thread_stays_as_long_as_a_process_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe_in(folder.path());
    let mut node = played(&pipe);
    let mut lines = lines(&pipe);
    assert_eq!(lines.next_line().as_deref(), Some("ready"));
    drop(node.stdin.take());
    assert_eq!(lines.next_line().as_deref(), Some("bye"));
    let mut said = String::new();
    node.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(node.wait().unwrap().success(), "{said}");
}
