//! A `cocaine run`, and the apps that it runs.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use cocaine::{Client, msgpack};
use cocaine_bindings::{App as _, AppClient};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::worker;

/// How long a test waits for anything: far longer than it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The variable by which the processes of a test are found.
const MARK: &str = "TEST_RUN_MARK";

/// What builds an app: a shell that fails if that is wanted, and writes the worker of these tests, whose greeting is the text of the file
/// `greeting.txt`.
const BUILD: &str = r#"greeting=$(cat greeting.txt)
until [ ! -e target/wait ]; do sleep 0.02; done
case $greeting in
error) echo "the greeting is wrong" >&2; exit 4 ;;
crash) printf '#!/bin/sh\necho "it cannot start" >&2\nexit 3\n' >out/app.new ;;
*) sed "s/GREETING_HERE/$greeting/" worker.in >out/app.new ;;
esac
chmod +x out/app.new
mv out/app.new out/app
echo "built $greeting"
"#;

/// A folder with apps.
pub(crate) struct AppFolder(TempDir);

impl AppFolder {
    /// Makes apps of these names, whose greetings are "one".
    pub(crate) fn new(apps: &[&str]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let entry = |app: &&str| {
            format!("[[app]]\nname = '{app}'\npath = '{app}'\nbuild = 'sh build.sh'\nprogram = 'out/app'\n")
        };
        fs::write(folder.path("Cocaine.toml"), apps.iter().map(entry).collect::<String>()).unwrap();
        for app in apps {
            for inner in ["out", "target"] {
                fs::create_dir_all(folder.path(app).join(inner)).unwrap();
            }
            fs::write(folder.path(app).join("build.sh"), BUILD).unwrap();
            fs::write(folder.path(app).join(".gitignore"), "*.log\nout/app.new\n").unwrap();
            let exported = format!("export {}='GREETING_HERE'\nexport TEST", worker::GREETING);
            let script = worker::script().replacen("export TEST", &exported, 1);
            fs::write(folder.path(app).join("worker.in"), script).unwrap();
            folder.greet(app, "one");
        }
        folder
    }

    /// Saves another greeting, as editors do.
    pub(crate) fn greet(&self, app: &str, greeting: &str) {
        let file = self.path(app).join("greeting.txt");
        let temporary = file.with_extension("txt~");
        fs::write(&temporary, greeting).unwrap();
        fs::rename(temporary, file).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `cocaine run` here with the locator of a cloud, or without a named one.
    pub(crate) fn run(&self, locator: Option<&str>, args: &[&str]) -> RunProcess {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
        command.arg("run").args(args).current_dir(self.0.path()).env(MARK, self.0.path());
        command.env("HOME", self.0.path()).env_remove("XDG_CONFIG_HOME").env_remove("COCAINE_CONTEXT");
        match locator {
            Some(locator) => command.env("COCAINE_LOCATOR", locator),
            None => command.env_remove("COCAINE_LOCATOR"),
        };
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (Lines::default(), Lines::default());
        out.collect(child.stdout.take().unwrap());
        err.collect(child.stderr.take().unwrap());
        RunProcess { child, out, err }
    }

    /// Runs `cocaine run` here with a node of its own, on which workers may take long to start. Returns its locator, too.
    pub(crate) async fn run_with_node(&self, app: &str) -> (RunProcess, String) {
        let wait = self.path(app).join("target/wait");
        fs::write(&wait, "").unwrap();
        let run = self.run(None, &["--own-node"]);
        let line = run.err.wait_for("export COCAINE_LOCATOR=");
        let locator = line.rsplit('=').next().unwrap().to_owned();
        store_patient_profile(&Client::new(&locator).unwrap()).await;
        fs::remove_file(wait).unwrap();
        (run, locator)
    }

    /// Returns the processes that have been started here and are there still.
    pub(crate) fn processes(&self) -> Vec<String> {
        let mark = format!("{MARK}={}", self.0.path().display());
        let processes = fs::read_dir("/proc").unwrap().flatten().filter(|process| {
            let environment = fs::read(process.path().join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        });
        let name = |process: fs::DirEntry| {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).replace('\0', " ")
        };
        processes.map(name).collect()
    }

    /// Waits until all processes that have been started here have ended.
    pub(crate) fn wait_for_no_process(&self) {
        let start = Instant::now();
        while !self.processes().is_empty() {
            assert!(start.elapsed() < PATIENCE, "{:?}", self.processes());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Stores a profile `default` with which a worker may take long to start.
pub(crate) async fn store_patient_profile(client: &Client) {
    use cocaine::{Bytes, Value};
    use cocaine_bindings::{Storage as _, StorageClient};

    let isolate = Value::Map(vec![("type".into(), "legacy_process".into())]);
    let profile = [("isolate", isolate), ("handshake-timeout", 60.into()), ("spawn-timeout", 60.into())];
    let profile = Bytes::from(msgpack::to_vec(&std::collections::BTreeMap::from(profile)).unwrap());
    let storage: StorageClient = client.service().await.unwrap();
    storage.write("profiles", "default", &profile, Some(&["profile"])).await.unwrap();
}

/// A running `cocaine run`, which is killed when a test ends early.
pub(crate) struct RunProcess {
    child: Child,
    pub(crate) out: Lines,
    pub(crate) err: Lines,
}

impl RunProcess {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end, and returns how it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end: {:?}", self.err.all());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RunProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The lines of a stream.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Lines {
    fn collect(&self, stream: impl Read + Send + 'static) {
        let lines = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                lines.0.0.lock().unwrap().push(line);
                lines.0.1.notify_all();
            }
        });
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap().clone()
    }

    /// Returns how many lines have a text in them.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.all().iter().filter(|line| line.contains(text)).count()
    }

    /// Waits for a line with a text in it.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let find = |lines: &[String]| lines.iter().find(|line| line.contains(text)).cloned();
        let lines = self.0.0.lock().unwrap();
        let is_missing = |lines: &mut Vec<String>| find(lines).is_none();
        let (lines, _) = self.0.1.wait_timeout_while(lines, PATIENCE, is_missing).unwrap();
        find(&lines).unwrap_or_else(|| panic!("no line has {text:?}: {lines:#?}"))
    }
}

/// Calls the event `greet` of an app.
pub(crate) async fn greet(client: &Client, app: &str) -> cocaine::Result<String> {
    let app: AppClient = client.service_named(app).await?;
    let mut channel = app.enqueue("greet", None).await?;
    channel.send(msgpack::to_vec("Ada")?).await?;
    let reply = channel.finish()?.recv().await.expect("there is an answer")?;
    msgpack::from_slice(&reply)
}
