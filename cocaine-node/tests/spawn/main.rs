//! Processes of workers, started through the helper as a node starts them.

mod direct;
mod groups;
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

use cocaine_node::{
    helper::{self, Helper},
    open_files,
};
use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use spawn::{Process, ProcessSpec, Spawner};
use test_support::wait::wait_until;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt},
    net::unix::pipe::Receiver,
    time::timeout,
};

/// The variable that makes this program play the node: the pipe that its worker writes to.
const PLAYS_NODE: &str = "COCAINE_TEST_PLAYS_NODE";

/// How long to wait for what should happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

fn spawner() -> Spawner {
    Spawner::start(Helper::at(env!("CARGO_BIN_EXE_cocaine-node")), None).unwrap()
}

fn spec(program: impl AsRef<Path>, args: &[&str]) -> ProcessSpec {
    ProcessSpec {
        program: program.as_ref().into(),
        arg0: "worker".into(),
        args: args.iter().map(Into::into).collect(),
        environment: [].into(),
        folder: "/".into(),
    }
}

fn shell(script: &str) -> ProcessSpec {
    spec("/bin/sh", &["-c", script])
}

async fn read_all(mut output: Receiver) -> String {
    let mut text = String::new();
    timeout(PATIENCE, output.read_to_string(&mut text)).await.expect("all that write have ended").unwrap();
    text
}

/// Starts a process and waits for its first line, `ready`.
async fn spawn_ready(spawner: &Spawner, script: &str) -> (Process, Receiver) {
    let (process, output) = spawner.spawn(shell(script)).await.unwrap();
    let mut output = tokio::io::BufReader::with_capacity(1, output);
    let mut line = String::new();
    timeout(PATIENCE, output.read_line(&mut line)).await.unwrap().unwrap();
    assert_eq!(line, "ready\n");
    (process, output.into_inner())
}

async fn wait_for_exit(process: &mut Process) -> std::process::ExitStatus {
    timeout(PATIENCE, process.wait()).await.expect("an end").unwrap()
}

#[tokio::test]
async fn process_gets_arguments_environment_and_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let script = "tr '\\0' ' ' < /proc/$$/cmdline; echo; pwd; echo \"$A $CARGO_MANIFEST_DIR $2\" >&2; cat";
    let mut spec = spec("/bin/sh", &["-c", script, "zero", "one", "two words"]);
    spec.arg0 = "./my app".into();
    spec.environment = [("A".into(), "a".into()), ("CARGO_MANIFEST_DIR".into(), "b".into())].into();
    spec.folder.clone_from(&folder);
    let (mut process, output) = spawner().spawn(spec).await.unwrap();
    let expected = format!("./my app -c {script} zero one two words \n{}\na b two words\n", folder.display());
    assert_eq!(read_all(output).await, expected);
    assert_eq!(wait_for_exit(&mut process).await.code(), Some(0));
}

#[tokio::test]
async fn process_inherits_the_environment() {
    let (_process, output) = spawner().spawn(shell("echo $CARGO_MANIFEST_DIR")).await.unwrap();
    assert_eq!(read_all(output).await.trim_end(), env::var("CARGO_MANIFEST_DIR").unwrap());
}

#[tokio::test]
async fn program_is_found_only_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("app.sh");
    fs::write(&script, "#!/bin/sh\necho \"$0\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let run = async |program: &str| {
        let spec = ProcessSpec { folder: folder.path().into(), ..spec(program, &[]) };
        read_all(spawner().spawn(spec).await.unwrap().1).await
    };
    assert_eq!(run("app.sh").await, "./app.sh\n");
    assert!(run("sh").await.starts_with("cocaine-node: cannot run ./sh: No such file"));
}

#[tokio::test]
async fn process_inherits_no_descriptors() {
    let file = File::open("/").unwrap();
    // As one that whoever starts the node has left open.
    fcntl_setfd(&file, FdFlags::empty()).unwrap();
    // The shell has the folder open while it finds the names, and not any more while `readlink` reads them.
    let list = shell("readlink /proc/$$/fd/*; true");
    let (_process, output) = spawner().spawn(list).await.unwrap();
    let listed = read_all(output).await;
    let mut open = listed.lines();
    assert_eq!(open.next(), Some("/dev/null"));
    assert!(open.all(|target| target.starts_with("pipe:")), "{listed}");
    assert_eq!(listed.lines().count(), 3, "{listed}");
}

#[tokio::test]
async fn process_gets_the_former_file_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(200), maximum }).unwrap();
    open_files::raise_limit().unwrap();
    assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    // The former limit of a second call is the raised one, which is not what the process was started with.
    open_files::raise_limit().unwrap();
    let (_process, output) = spawner().spawn(shell("ulimit -Sn; ulimit -Hn")).await.unwrap();
    assert_eq!(read_all(output).await, format!("200\n{}\n", maximum.unwrap()));
}

#[tokio::test]
async fn exit_status_is_returned() {
    let (mut process, output) = spawner().spawn(shell("exit 7")).await.unwrap();
    assert_eq!(wait_for_exit(&mut process).await.code(), Some(7));
    assert_eq!(wait_for_exit(&mut process).await.code(), Some(7));
    assert_eq!(read_all(output).await, "");
}

#[tokio::test]
async fn terminate_allows_cleanup_and_kill_does_not() {
    let spawner = spawner();
    let script = "trap 'echo bye; exit 3' TERM; echo ready; sleep 1000 & wait";
    let (mut process, output) = spawn_ready(&spawner, script).await;
    process.terminate();
    assert_eq!(wait_for_exit(&mut process).await.code(), Some(3));
    assert_eq!(read_all(output).await, "bye\n");

    let (mut process, output) = spawn_ready(&spawner, script).await;
    process.kill();
    assert_eq!(wait_for_exit(&mut process).await.signal(), Some(9));
    assert_eq!(read_all(output).await, "");
    process.terminate();
}

#[tokio::test]
async fn child_processes_end_with_the_leader() {
    let spawner = spawner();
    let script = "(trap '' TERM; exec sleep 1000) & echo ready";
    let (mut process, output) = spawn_ready(&spawner, script).await;
    assert_eq!(wait_for_exit(&mut process).await.code(), Some(0));
    read_all(output).await;

    let script = format!("{script}; wait");
    let (process, output) = spawn_ready(&spawner, &script).await;
    let pid = process.pid;
    drop(process);
    read_all(output).await;
    // Not even as a zombie.
    wait_until("the process ends", async || !Path::new(&format!("/proc/{pid}")).exists()).await;
}

/// Starts something that leaves the process group, the session and its parent.
const DAEMON: &str = "(setsid sh -c 'trap \"\" TERM HUP; echo ready; exec sleep 1000' &) ; ";

fn send(signal: &str, process: &Process) {
    assert!(Command::new("kill").args([signal, &process.pid.to_string()]).status().unwrap().success());
}

#[tokio::test]
async fn daemons_end_with_the_worker() {
    let spawner = spawner();
    // Its output has an end only when nothing is left that could write.
    let script = format!("trap 'exit 5' USR1; {DAEMON} sleep 1000 & wait");
    let (mut process, output) = spawn_ready(&spawner, &script).await;
    send("-USR1", &process);
    assert_eq!(wait_for_exit(&mut process).await.code(), Some(5));
    read_all(output).await;

    let (process, output) = spawn_ready(&spawner, &format!("{DAEMON} sleep 1000")).await;
    drop(process);
    read_all(output).await;

    let (mut process, output) = spawn_ready(&spawner, &format!("{DAEMON} exec sleep 1000")).await;
    process.terminate();
    assert_eq!(wait_for_exit(&mut process).await.signal(), Some(15));
    read_all(output).await;
}

#[tokio::test]
async fn worker_may_kill_its_process_group() {
    let script = format!("trap 'kill -9 0' USR1; {DAEMON} sleep 1000 & wait");
    let (mut process, output) = spawn_ready(&spawner(), &script).await;
    send("-USR1", &process);
    assert_eq!(wait_for_exit(&mut process).await.signal(), Some(9));
    read_all(output).await;
}

#[tokio::test]
async fn worker_ends_with_its_killed_reaper() {
    let (mut process, output) = spawn_ready(&spawner(), "echo ready; exec sleep 1000").await;
    send("-KILL", &process);
    assert_eq!(wait_for_exit(&mut process).await.signal(), Some(9));
    read_all(output).await;
}

#[tokio::test]
async fn cancelled_spawn_kills_the_process() {
    let mark = format!("MARK_{}", std::process::id());
    let mut spec = shell("exec sleep 1000");
    spec.environment = [(mark.clone(), String::new())].into();
    let spawner = spawner();
    {
        let spawning = spawner.spawn(spec);
        tokio::pin!(spawning);
        // The request goes out at the first poll.
        assert!(futures_util::poll!(&mut spawning).is_pending());
    }
    // The next process is started only once that one was.
    let (_process, output) = spawner.spawn(shell("")).await.unwrap();
    read_all(output).await;
    wait_until("all processes end", async || !has_process_with(&mark)).await;
}

/// Returns whether a process runs that has `name` in its environment.
fn has_process_with(name: &str) -> bool {
    let has = |process: &fs::DirEntry| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|pair| pair.starts_with(name.as_bytes()))
    };
    fs::read_dir("/proc").unwrap().any(|process| has(&process.unwrap()))
}

#[tokio::test]
async fn unusable_program_prints_the_reason() {
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
        let (mut process, output) = spawner().spawn(spec(program, &[])).await.unwrap();
        let printed = read_all(output).await;
        let expected = format!("cocaine-node: cannot run {}: {reason}", program.display());
        assert!(printed.starts_with(&expected) && printed.ends_with('\n'), "{printed}");
        assert_eq!(wait_for_exit(&mut process).await.code(), Some(1));
    }
}

#[test]
fn program_on_a_noexec_mount_prints_that() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o noexec none "$1" || exit 77; printf '#!/bin/sh\n' > "$1/run"; chmod +x "$1/run"
        exec "$2" --exec-worker "$3" - - run "$1/run""#;
    let (node, own) = (env!("CARGO_BIN_EXE_cocaine-node"), std::process::id().to_string());
    let run = |options: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(options).args(["sh", "-c", script, "sh"]).arg(folder.path()).args([node, &own]);
        command
            .output()
            .ok()
            .filter(|output| output.status.code() == Some(1) && !output.stderr.starts_with(b"unshare"))
    };
    let Some(output) = run(&["--mount"]).or_else(|| run(&["--mount", "--user", "--map-root-user"])) else {
        return eprintln!("skipped: nothing can be mounted here");
    };
    let printed = String::from_utf8(output.stderr).unwrap();
    let text = "Permission denied (os error 13); it is on a file system that is mounted with `noexec`";
    assert!(printed.contains(text), "{printed}");
}

#[tokio::test]
async fn failed_spawn_is_an_error() {
    let failure = async |spec: ProcessSpec, helper: &str| {
        let spawner = Spawner::start(Helper::at(helper), None).unwrap();
        spawner.spawn(spec).await.unwrap_err().to_string()
    };
    let node = env!("CARGO_BIN_EXE_cocaine-node");
    let text = failure(ProcessSpec { folder: "/no/such/folder".into(), ..shell("") }, node).await;
    assert!(text.starts_with("cannot start a process in /no/such/folder through "), "{text}");
    assert!(failure(shell(""), "/no/such/helper").await.contains("`/no/such/helper`"));
    let environment = [("A".to_owned(), "\0".to_owned())].into();
    assert!(failure(ProcessSpec { environment, ..shell("") }, node).await.contains("nul byte"));
}

#[test]
fn worker_of_a_dead_node_does_not_start() {
    let node = env!("CARGO_BIN_EXE_cocaine-node");
    let outcome = |args: &[&OsStr]| {
        let output = Command::new(node).arg("--exec-worker").args(args).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        String::from_utf8(output.stderr).unwrap()
    };
    let args = ["1000000000", "-", "-", "sh", "/bin/sh", "-c", "echo started"].map(OsStr::new);
    assert_eq!(outcome(&args), "cocaine-node: the node 1000000000 is gone\n");
    assert_eq!(outcome(&args[..4]), "cocaine-node: --exec-worker is for the node alone\n");
}

fn pipe_in(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// The lines that are written to a named pipe.
struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// Returns the next line, or `None` once all writers have ended.
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

/// Plays a node with a worker if the variable is set; does nothing otherwise.
#[tokio::test]
async fn plays_node() {
    let Ok(pipe) = env::var(PLAYS_NODE) else { return };
    let spawner = spawner();
    let script = "exec 3> \"$PIPE\"; (setsid sh -c 'trap \"\" TERM; exec sleep 1000' &); trap 'echo bye >&3; exit 0' TERM; echo ready >&3; while :; do sleep 0.01 >&- 3>&-; done";
    let mut spec = shell(script);
    spec.environment = [("PIPE".into(), pipe)].into();
    let (mut process, _output) = spawner.spawn(spec).await.unwrap();
    assert!(has_spawner_thread());
    drop(spawner);
    let mut told = String::new();
    std::io::stdin().read_line(&mut told).unwrap();
    assert!(has_spawner_thread());
    process.terminate();
    assert_eq!(process.wait().await.unwrap().code(), Some(0));
    drop(process);
    while has_spawner_thread() {
        thread::yield_now();
    }
}

fn has_spawner_thread() -> bool {
    let named = |thread: &fs::DirEntry| {
        fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name == "cocaine-spawner\n")
    };
    fs::read_dir("/proc/self/task").unwrap().any(|thread| named(&thread.unwrap()))
}

/// Starts this program again, as the node.
fn start_playing_node(pipe: &Path) -> std::process::Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "plays_node"]).env(PLAYS_NODE, pipe);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

#[test]
fn worker_does_not_outlive_its_node() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe_in(folder.path());
    let mut node = start_playing_node(&pipe);
    let mut lines = lines(&pipe);
    assert_eq!(lines.next_line().as_deref(), Some("ready"));
    node.kill().unwrap();
    node.wait().unwrap();
    assert_eq!(lines.next_line(), None);
}

#[test]
fn spawner_thread_lives_as_long_as_processes() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe_in(folder.path());
    let mut node = start_playing_node(&pipe);
    let mut lines = lines(&pipe);
    assert_eq!(lines.next_line().as_deref(), Some("ready"));
    drop(node.stdin.take());
    assert_eq!(lines.next_line().as_deref(), Some("bye"));
    let mut said = String::new();
    node.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(node.wait().unwrap().success(), "{said}");
}
