//! The program `cocaine-node`: its output, signals, options and log.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use cocaine::Client;
use cocaine_bindings::{Logging, LoggingClient, Storage, StorageClient, Unicorn, UnicornClient};

/// A running program.
pub(crate) struct Program {
    pub(crate) child: Child,
    out: BufReader<ChildStdout>,
    first_line: String,
}

impl Program {
    pub(crate) fn command(args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine-node"));
        command.args(args).env_remove("HOME").env_remove("XDG_STATE_HOME");
        command
    }

    /// Starts a node on a free port, and waits until it prints its address.
    pub(crate) fn start(data: &Path, args: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", data, args)
    }

    fn start_at(address: &str, data: &Path, args: &[&str]) -> Self {
        let mut command = Self::command(&["--listen", address, "--data", data.to_str().unwrap()]);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first_line = String::new();
        out.read_line(&mut first_line).unwrap();
        Self { child, out, first_line }
    }

    fn address(&self) -> String {
        let address = self.first_line.strip_prefix("cocaine-node is listening on ").unwrap();
        address.split_once(' ').unwrap().0.to_owned()
    }

    /// Returns the address of the gateway.
    pub(crate) fn http_address(&self) -> &str {
        self.first_line.split_once(" and on ").unwrap().1.split_once(' ').unwrap().0
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.address()).unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("sh").args(["-c", &format!("kill {signal} {pid}")]).status().unwrap().success());
    }

    /// Waits until the program exits. Returns the rest of its output, and whether it succeeded.
    pub(crate) fn wait(mut self) -> (String, bool) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().success())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn program_prints_address_and_stops_on_signal() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let program = Program::start(&data, &[]);
        let expected = format!(
            "cocaine-node is listening on {} (locator), data in {}\n",
            program.address(),
            data.display()
        );
        assert_eq!(program.first_line, expected);
        let storage: StorageClient = program.client().service().await.unwrap();
        storage.write("c", "k", &"v".into(), None).await.unwrap();
        program.signal(signal);
        assert_eq!(program.wait(), (String::new(), true), "{signal}");
        let program = Program::start(&data, &[]);
        let storage: StorageClient = program.client().service().await.unwrap();
        assert_eq!(storage.read("c", "k").await.unwrap(), "v");
    }
}

#[tokio::test]
async fn program_prints_all_addresses_of_locator() {
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", folder.path().join("locator").display());
    let program =
        Program::start(&folder.path().join("data"), &["--listen", &format!("127.0.0.2:0,{socket}")]);
    let addresses = program.first_line.strip_prefix("cocaine-node is listening on ").unwrap();
    let addresses: Vec<_> = addresses.split_once(" (locator)").unwrap().0.split(", ").collect();
    assert!(addresses.len() == 3 && addresses[1].starts_with("127.0.0.2:"), "{addresses:?}");
    assert_eq!(addresses[2], socket);
    for address in addresses {
        let storage: StorageClient = Client::new(address).unwrap().service().await.unwrap();
        assert!(storage.find("c", &["t"]).await.unwrap().is_empty());
    }
}

fn check_config(args: &[&str], config: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.toml");
    fs::write(&file, config).unwrap();
    let mut command = Program::command(args);
    let data = folder.path().join("data");
    command.env("HOME", &data).arg("--config").arg(&file).arg("--check-config");
    let output = command.output().unwrap();
    assert!(!data.exists(), "nothing is created");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn configuration_is_checked_without_a_start() {
    assert_eq!(check_config(&[], "").1, "cocaine-node: the configuration can be used\n");
    assert!(check_config(&["gateway"], "[http]\nlisten = '127.0.0.1:1'").0);
    for (args, config, error) in [
        (&[][..], "lisen = 'x'", "unknown field `lisen`"),
        (&[], "shutdown_timeout = -1", "shutdown_timeout"),
        (&[], "listen = []", "listen is an empty list"),
        (&[], "listen = ['unix:run/locator']", "cannot listen on `unix:run/locator`"),
        (&[], "[network]\npinned = { storage = 10053 }", "that is the port of the locator"),
        (&[], "[network]\nshared = [45000, 45010]", "the services of the node need 13"),
        (&[], "[cache]\nmax_size = 0", "cache.max_size is 0"),
        (&[], "[urlfetch]\nmax_fetches = 0", "urlfetch.max_fetches is 0"),
        (&[], "[http]\nclients = 0", "clients"),
        (&["gateway"], "[http]\nclients = 0", "clients"),
    ] {
        let (succeeded, text) = check_config(args, config);
        assert!(!succeeded && text.contains(error), "{config}: {text}");
    }
}

#[tokio::test]
async fn service_manager_is_notified() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(test_support::wait::TIMEOUT)).unwrap();
    let receive = || {
        let mut text = [0; 512];
        let len = socket.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..len]).into_owned()
    };
    let mut command = Program::command(&["--listen", "127.0.0.1:0", "--data"]);
    command.arg(folder.path().join("data")).env("NOTIFY_SOCKET", &path);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert_eq!(receive(), "READY=1\n");
    let kill = |signal: &str| {
        Command::new("sh").args(["-c", &format!("kill {signal} {}", child.id())]).status().unwrap()
    };
    kill("-HUP");
    assert!(receive().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(receive(), "READY=1\n");
    kill("-TERM");
    assert_eq!(receive(), "STOPPING=1\n");
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn kill_loses_no_acknowledged_write() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    let storage: StorageClient = program.client().service().await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    let (acknowledged, mut acknowledgements) = tokio::sync::mpsc::unbounded_channel();
    for writer in 0..16 {
        let (storage, acknowledged) = (storage.clone(), acknowledged.clone());
        writers.spawn(async move {
            for number in 0.. {
                let key = format!("{writer}-{number}");
                if storage.write("c", &key, &key.as_str().into(), Some(&["t"])).await.is_err() {
                    return;
                }
                acknowledged.send(key).unwrap();
            }
        });
    }
    drop(acknowledged);
    let mut keys = Vec::new();
    while keys.len() < 300 {
        keys.push(acknowledgements.recv().await.unwrap());
    }
    program.signal("-KILL");
    assert!(!program.wait().1);
    while let Some(key) = acknowledgements.recv().await {
        keys.push(key);
    }
    writers.join_all().await;

    let program = Program::start(folder.path(), &[]);
    let storage: StorageClient = program.client().service().await.unwrap();
    let found = storage.find("c", &["t"]).await.unwrap();
    for key in keys {
        assert_eq!(storage.read("c", &key).await.unwrap(), key.as_str());
        assert!(found.binary_search(&key).is_ok(), "{key} is not found by its tag");
    }
}

#[tokio::test]
async fn kill_loses_no_acknowledged_version() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    let tree: UnicornClient = program.client().service().await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    let (acknowledged, mut acknowledgements) = tokio::sync::mpsc::unbounded_channel();
    for writer in 0..16 {
        let (tree, acknowledged) = (tree.clone(), acknowledged.clone());
        writers.spawn(async move {
            let path = format!("/writers/{writer}");
            if tree.create(&path, &0.into()).await.is_err() {
                return;
            }
            for version in 0.. {
                if tree.put(&path, &(version + 1).into(), version).await.is_err() {
                    return;
                }
                acknowledged.send((writer, version + 1)).unwrap();
            }
        });
    }
    drop(acknowledged);
    let mut versions = [0; 16];
    for _ in 0..300 {
        let (writer, version) = acknowledgements.recv().await.unwrap();
        versions[writer] = version;
    }
    program.signal("-KILL");
    assert!(!program.wait().1);
    while let Some((writer, version)) = acknowledgements.recv().await {
        versions[writer] = version;
    }
    writers.join_all().await;

    let program = Program::start(folder.path(), &[]);
    let tree: UnicornClient = program.client().service().await.unwrap();
    for (writer, version) in versions.into_iter().enumerate().filter(|(_, version)| *version > 0) {
        let found = tree.get(&format!("/writers/{writer}")).await.unwrap();
        assert!(found.version >= version, "{found:?} is older than {version}");
        assert_eq!(found.value.as_i64(), Some(found.version));
    }
}

#[tokio::test]
async fn client_reconnects_after_restart() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    let (address, client) = (program.address(), program.client());
    let storage: StorageClient = client.service().await.unwrap();
    storage.write("c", "k", &"v".into(), None).await.unwrap();
    program.signal("-KILL");
    program.wait();
    let _program = Program::start_at(&address, folder.path(), &[]);
    let read = async {
        // The first call may fail, since it notices the closed connection.
        while storage.read("c", "k").await.is_err() {}
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), read).await.expect("the client reconnects");
}

fn failure(args: &[&str]) -> String {
    let output = Program::command(args).output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn start_failure_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let program = Program::start(&data, &[]);
    let name = data.display();
    let refused = failure(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    let pid = program.child.id();
    let expected =
        format!("cocaine-node: the data folder {name} is in use by another node (process {pid})\n");
    assert_eq!(refused, expected);

    let other = folder.path().join("other");
    let refused = failure(&["--listen", &program.address(), "--data", other.to_str().unwrap()]);
    assert!(refused.contains(&format!("locator cannot listen on {}: ", program.address())), "{refused}");

    let config = folder.path().join("node.toml");
    fs::write(&config, "cluster = true\nlistem = \"x\"\n").unwrap();
    let refused = failure(&["--config", config.to_str().unwrap()]);
    assert!(
        refused.starts_with(&format!("cocaine-node: {}:2: unknown field `listem`", config.display())),
        "{refused}"
    );

    let refused = failure(&["--listen", "127.0.0.1:0"]);
    assert!(refused.contains("say with --data where to keep data"), "{refused}");
    let refused = failure(&["--data", other.to_str().unwrap(), "--log-file", "/no/such/folder/log"]);
    assert!(refused.contains("cannot open the log file /no/such/folder/log"), "{refused}");
    let refused = failure(&["--data", other.to_str().unwrap(), "--geobase", config.to_str().unwrap()]);
    let expected =
        format!("geobase cannot use {}: it is not a database in the format of MaxMind", config.display());
    assert!(refused.contains(&expected), "{refused}");
}

#[tokio::test]
async fn log_file_has_program_and_service_records() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let config = folder.path().join("node.toml");
    fs::write(&config, "[log]\nterminal = false\nverbosity = 2\n").unwrap();
    let (config, file) = (config.to_str().unwrap(), log.to_str().unwrap());
    let program = Program::start(&folder.path().join("data"), &["--config", config, "--log-file", file]);
    let logging: LoggingClient = program.client().service().await.unwrap();
    assert_eq!(logging.verbosity().await.unwrap(), 2.into());
    logging.emit(1.into(), "app/test", "rejected", None).await.unwrap();
    logging.emit(2.into(), "app/test", "accepted", None).await.unwrap();
    logging.verbosity().await.unwrap();
    program.signal("-TERM");
    assert!(program.wait().1);
    let text = fs::read_to_string(log).unwrap();
    assert!(text.contains("\"app/test\",\"message\":\"accepted\""), "{text}");
    assert!(!text.contains("rejected"), "{text}");
    assert!(text.contains("told to terminate"), "{text}");
    assert!(text.contains("geobase serves a sample"), "{text}");
}

#[tokio::test]
async fn no_cluster_option_closes_connect_stream() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--no-cluster"]);
    let mut raw = crate::frame_client::FrameClient::connect(program.address().parse().unwrap()).await;
    raw.send(1, 1, ["consumer"]).await;
    assert_eq!(raw.recv().await, (1, 2, cocaine::Value::Array(Vec::new())));
}
