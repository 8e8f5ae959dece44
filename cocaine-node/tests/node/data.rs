//! Backup, restoration and compaction through the program, beside a running node and after it was killed.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use cocaine_bindings::{Storage, StorageClient, Unicorn, UnicornClient};
use cocaine_node::{
    Node,
    data::{self, Replacement},
};
use test_support::wait::wait_until;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
};

use crate::program::Program;

/// Runs a command for a data folder. Returns whether it succeeded, and what it printed.
fn run(command: &str, data: &Path, args: &[&str]) -> (bool, String) {
    let output = Program::command(&[command, "--data"]).arg(data).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Runs a command that succeeds.
fn run_successfully(command: &str, data: &Path, args: &[&str]) -> String {
    let (succeeded, text) = run(command, data, args);
    assert!(succeeded, "{command}: {text}");
    text
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn backup_of_running_node_is_restored_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (data, other, file) = ["data", "other", "backup"].map(|name| folder.path().join(name)).into();
    let program = Program::start(&data, &[]);
    let storage: StorageClient = program.client().service().await.unwrap();
    storage.write("c", "k", &vec![7; 3_000_000].into(), Some(&["t"])).await.unwrap();
    let tree: UnicornClient = program.client().service().await.unwrap();
    tree.create("/a/b", &5.into()).await.unwrap();
    let printed = run_successfully("backup", &data, &[path(&file)]);
    assert!(printed.contains(&format!("rows are in {}, of ", file.display())), "{printed}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    storage.write("c", "k", &"later".into(), None).await.unwrap();
    let (succeeded, printed) = run("backup", &data, &[path(&file)]);
    assert!(!succeeded && printed.ends_with("it exists; say --replace to replace it\n"), "{printed}");

    let printed = run_successfully("restore", &other, &[path(&file)]);
    assert!(printed.ends_with(&format!("rows are restored in {}\n", other.display())), "{printed}");
    let restored = Program::start(&other, &[]);
    let storage: StorageClient = restored.client().service().await.unwrap();
    assert!(storage.read("c", "k").await.unwrap() == vec![7; 3_000_000][..]);
    assert_eq!(storage.find("c", &["t"]).await.unwrap(), ["k"]);
    let tree: UnicornClient = restored.client().service().await.unwrap();
    assert_eq!(tree.get("/a/b").await.unwrap().value.as_i64(), Some(5));
}

#[tokio::test]
async fn restoration_is_refused_while_node_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("backup"));
    let program = Program::start(&data, &[]);
    let storage: StorageClient = program.client().service().await.unwrap();
    storage.write("c", "k", &"v".into(), None).await.unwrap();
    run_successfully("backup", &data, &[path(&file)]);
    let (succeeded, printed) = run("restore", &data, &["--replace", path(&file)]);
    let refusal = format!("is in use by another node (process {})", program.child.id());
    assert!(!succeeded && printed.contains(&refusal), "{printed}");
    assert_eq!(storage.read("c", "k").await.unwrap(), "v");
    program.signal("-TERM");
    assert!(program.wait().1);

    let (succeeded, printed) = run("restore", &data, &[path(&file)]);
    assert!(!succeeded && printed.contains("has data: say --replace"), "{printed}");
    let printed = run_successfully("restore", &data, &["--replace", path(&file)]);
    let former = printed.trim().rsplit_once("what was there is ").unwrap().1;
    assert!(Path::new(former).exists(), "{former}");
}

#[tokio::test]
async fn node_is_compacted_while_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    let storage: StorageClient = program.client().service().await.unwrap();
    storage.write("c", "large", &vec![1; 20 << 20].into(), None).await.unwrap();
    storage.write("c", "k", &"v".into(), None).await.unwrap();
    storage.remove("c", "large").await.unwrap();
    let database = folder.path().join("node.redb");
    let before = fs::metadata(&database).unwrap().len();
    let printed = run_successfully("compact", folder.path(), &[]);
    let after = fs::metadata(&database).unwrap().len();
    assert_eq!(printed, format!("cocaine-node: {before} bytes before, {after} after\n"));
    assert!(before > 20 << 20 && after < 1 << 20, "{before} {after}");
    assert_eq!(storage.read("c", "k").await.unwrap(), "v");
    storage.write("c", "later", &"v".into(), None).await.unwrap();
    program.signal("-KILL");
    program.wait();
    // Without a node, too.
    run_successfully("compact", folder.path(), &[]);
    let program = Program::start(folder.path(), &[]);
    let storage: StorageClient = program.client().service().await.unwrap();
    assert_eq!(storage.read("c", "later").await.unwrap(), "v");
}

#[tokio::test]
async fn metrics_have_the_size_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--http", "127.0.0.1:0"]);
    wait_until("the file is measured", async || {
        let mut stream = TcpStream::connect(program.http_address()).await.unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let bytes = fs::metadata(folder.path().join("node.redb")).unwrap().len();
        assert!(text.contains(&format!("\ncocaine_storage_file_bytes {bytes}\n")), "{text}");
        text.contains("\ncocaine_storage_free_bytes ")
    })
    .await;
}

#[test]
fn folder_without_database_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("backup"));
    for (command, args) in [("backup", &[path(&file)][..]), ("compact", &[])] {
        let (succeeded, printed) = run(command, &data, args);
        let expected = format!("cocaine-node: there is no database in the data folder {}\n", data.display());
        assert_eq!((succeeded, printed), (false, expected));
    }
    assert!(!data.exists() && !file.exists());
}

#[tokio::test]
async fn control_socket_is_private_in_any_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("x".repeat(120));
    let file = folder.path().join("backup");
    let node = Node::builder().listen("127.0.0.1:0").data(&data).start().await.unwrap();
    let mode = fs::metadata(data.join("run/control")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let written = data::backup(&data, &file, Replacement::Refused).await.unwrap();
    let again = node.backup(&file, Replacement::Allowed).await.unwrap();
    assert_eq!((written.rows, written.bytes), (again.rows, again.bytes));
    assert_eq!(node.compact().await.unwrap().bytes_after, data::compact(&data).await.unwrap().bytes_after);
    node.shutdown().await;
    let stopped = data::backup(&data, &file, Replacement::Allowed).await.unwrap();
    assert_eq!(stopped.rows, written.rows);
}

/// Has clients write numbered keys until the node is gone. Returns where the acknowledged keys arrive.
fn write_keys(
    storage: &StorageClient,
    round: usize,
    writers: &mut JoinSet<()>,
) -> mpsc::UnboundedReceiver<String> {
    let (acknowledged, acknowledgements) = mpsc::unbounded_channel();
    for writer in 0..8 {
        let (storage, acknowledged) = (storage.clone(), acknowledged.clone());
        writers.spawn(async move {
            for number in 0.. {
                let key = format!("{round}-{writer}-{number}");
                if storage.write("c", &key, &key.as_str().into(), Some(&["t"])).await.is_err() {
                    return;
                }
                acknowledged.send(key).unwrap();
            }
        });
    }
    acknowledgements
}

/// Compacts the database and backs it up, again and again, until the node is killed.
async fn alternate(data: PathBuf, file: PathBuf, killed: Arc<AtomicBool>) {
    while !killed.load(Ordering::Relaxed) {
        // Either fails if the node is killed meanwhile.
        drop(data::compact(&data).await);
        drop(data::backup(&data, &file, Replacement::Allowed).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_node_loses_no_acknowledged_write() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("backup"));
    let (mut keys, mut random) = (Vec::new(), fastrand::Rng::with_seed(5));
    for round in 0..5 {
        let program = Program::start(&data, &[]);
        let storage: StorageClient = program.client().service().await.unwrap();
        let mut writers = JoinSet::new();
        let mut acknowledgements = write_keys(&storage, round, &mut writers);
        let killed = Arc::new(AtomicBool::new(false));
        let upkeep = tokio::spawn(alternate(data.clone(), file.clone(), killed.clone()));
        for _ in 0..random.usize(50..400) {
            keys.push(acknowledgements.recv().await.unwrap());
        }
        program.signal("-KILL");
        program.wait();
        killed.store(true, Ordering::Relaxed);
        while let Some(key) = acknowledgements.recv().await {
            keys.push(key);
        }
        writers.join_all().await;
        upkeep.await.unwrap();
    }
    let program = Program::start(&data, &[]);
    let storage: StorageClient = program.client().service().await.unwrap();
    let found = storage.find("c", &["t"]).await.unwrap();
    for key in keys {
        assert_eq!(storage.read("c", &key).await.unwrap(), key.as_str());
        assert!(found.binary_search(&key).is_ok(), "{key} is not found by its tag");
    }
    run_successfully("backup", &data, &["--replace", path(&file)]);
}

/// Returns the files of a data folder whose names begin so.
fn files(data: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_restoration_leaves_one_whole_state() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("backup"));
    let node = Node::builder().listen("127.0.0.1:0").data(&data).start().await.unwrap();
    let storage: StorageClient = crate::service(&node).await;
    for number in 0..20_u8 {
        storage.write("c", &number.to_string(), &vec![1; 300_000].into(), Some(&["t"])).await.unwrap();
    }
    node.backup(&file, Replacement::Refused).await.unwrap();
    storage.write("c", "0", &"after".into(), None).await.unwrap();
    node.shutdown().await;
    for round in 0..6 {
        let mut command = Program::command(&["restore", "--replace", "--data"]);
        let mut restoration = command.arg(&data).arg(&file).spawn().unwrap();
        // It is killed while it loads the new database, or right after it has given the old one another name.
        let (prefix, asides) =
            (["node.redb.new", "node.redb.before-"][round % 2], files(&data, "node.redb.before-").len());
        let expected = if round % 2 == 0 { 1 } else { asides + 1 };
        wait_until("the restoration is under way or done", async || {
            files(&data, prefix).len() == expected || restoration.try_wait().unwrap().is_some()
        })
        .await;
        drop(restoration.kill());
        restoration.wait().unwrap();
        let node = Node::builder().listen("127.0.0.1:0").data(&data).start().await.unwrap();
        let storage: StorageClient = crate::service(&node).await;
        assert_eq!(storage.find("c", &["t"]).await.unwrap().len(), 20, "round {round}");
        let first = storage.read("c", "0").await.unwrap();
        assert!(first == "after" || first == vec![1; 300_000][..], "round {round}");
        storage.write("c", "0", &"after".into(), None).await.unwrap();
        node.shutdown().await;
    }
    assert!(files(&data, "node.redb.new").is_empty());
}
