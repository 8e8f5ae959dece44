//! Uploads that fail: each says what has happened, and leaves nothing half done.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::{Child, Command, Output, Stdio},
};

use cocaine::{Bytes, Client};
use cocaine_bindings::{Storage as _, StorageClient};
use cocaine_test::Cloud;

use crate::{
    command::{ended, run, run_at, storage},
    faults::{Fault, FaultyCloud},
    program::Programs,
    programs::Node,
};

/// Returns the arguments that upload a program with this text, and a manifest that has it, too.
fn arguments(programs: &Programs, text: &str) -> Vec<String> {
    let program = programs.add(text, format!("#!/bin/sh\n# {text}\n"));
    let keys = programs.add("keys.json", format!("{{\"note\": \"{text}\"}}"));
    let args = ["app", "upload", "links", "--program", &program, "--manifest", &keys, "--no-schema"];
    args.map(str::to_owned).to_vec()
}

fn upload(locator: &str, programs: &Programs, text: &str, options: &[&str]) -> Output {
    let args = arguments(programs, text);
    let args: Vec<&str> = args.iter().map(String::as_str).chain(options.iter().copied()).collect();
    run_at(locator, &args)
}

/// Starts an upload that does not end by itself.
fn start_upload(locator: &str, programs: &Programs, text: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
    command.args(arguments(programs, text)).env("COCAINE_LOCATOR", locator);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Returns everything that is uploaded of the app.
async fn uploaded(cloud: &Cloud) -> [Bytes; 2] {
    let storage = storage(cloud).await;
    [storage.read("apps", "links").await.unwrap(), storage.read("manifests", "links").await.unwrap()]
}

/// Returns the numbers of the versions that are kept.
async fn versions(cloud: &Cloud) -> Vec<String> {
    let keys = storage(cloud).await.find("app_versions", &["app:links"]).await.unwrap();
    keys.iter().map(|key| key[..6].to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_storage_leaves_the_former_version() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let faulty = FaultyCloud::start(&cloud).await;
    ended(&upload(&faulty.locator(), &programs, "one", &[]), 0);
    let before = uploaded(&cloud).await;
    // The version, the package and the manifest are written.
    for (write, words) in
        [(1, "so that nothing is changed"), (2, "`links` is what it was"), (3, "`links` is what it was")]
    {
        for (fault, reason) in [(Fault::Refused, "No space left on device"), (Fault::Torn, "stored")] {
            faulty.fail(write, fault);
            let output = upload(&faulty.locator(), &programs, "two", &[]);
            let said = ended(&output, 1).1;
            assert!(said.contains(words) && said.contains(reason), "{write} {fault:?}: {said}");
            assert_eq!(uploaded(&cloud).await, before, "{write} {fault:?}");
            assert_eq!(versions(&cloud).await, ["000001"], "{write} {fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_storage_is_given_up() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let faulty = FaultyCloud::start(&cloud).await;
    ended(&upload(&faulty.locator(), &programs, "one", &[]), 0);
    let before = uploaded(&cloud).await;
    faulty.fail(3, Fault::Never);
    let output = upload(&faulty.locator(), &programs, "two", &["--timeout", "3"]);
    let said = ended(&output, 6).1;
    assert!(
        said.contains("manifests/links cannot be written") && said.contains("`links` is what it was"),
        "{said}"
    );
    assert!(said.contains("hint: `--timeout SECONDS` waits longer"), "{said}");
    assert_eq!(uploaded(&cloud).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_restarted_between_writes_is_restored() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let faulty = FaultyCloud::start(&cloud).await;
    ended(&upload(&faulty.locator(), &programs, "one", &[]), 0);
    let before = uploaded(&cloud).await;
    faulty.fail(3, Fault::Never);
    let child = start_upload(&faulty.locator(), &programs, "two");
    faulty.reached().await;
    let _faulty = faulty.restart().await;
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    let said = ended(&output, 5).1;
    assert!(said.contains("`links` is what it was"), "{said}");
    assert_eq!((uploaded(&cloud).await, versions(&cloud).await), (before, vec!["000001".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_upload_is_mended_after_restart() {
    for mends in [&["app", "rollback", "links", "--yes"][..], &["app", "upload"]] {
        let programs = Programs::new();
        let data = programs.path("data");
        let start = || async { Cloud::builder().node(|node| node.data(&data)).start().await.unwrap() };
        let cloud = start().await;
        let faulty = FaultyCloud::start(&cloud).await;
        ended(&upload(&faulty.locator(), &programs, "one", &[]), 0);
        let before = uploaded(&cloud).await;
        faulty.fail(3, Fault::Never);
        let mut child = start_upload(&faulty.locator(), &programs, "two");
        faulty.reached().await;
        child.kill().unwrap();
        child.wait().unwrap();
        drop((faulty, cloud));

        let cloud = start().await;
        let mixed = uploaded(&cloud).await;
        assert!(
            mixed[0] != before[0] && mixed[1] == before[1],
            "the package is written, the manifest is not"
        );
        let output = run(&cloud, &["app", "versions", "links"]);
        assert!(ended(&output, 0).1.contains("an upload of `links` was interrupted"), "{output:?}");
        if mends[1] == "rollback" {
            let output = run(&cloud, mends);
            assert_eq!(ended(&output, 0).1, "links is version 1\n");
            assert_eq!(uploaded(&cloud).await, before);
        } else {
            ended(&upload(&cloud.locator_addr().to_string(), &programs, "two", &[]), 0);
            let after = uploaded(&cloud).await;
            assert!(after[0] == mixed[0] && after[1] != before[1], "both are new");
        }
        assert_eq!(versions(&cloud).await, ["000001", "000002"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_uploads_are_both_kept() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), [Programs::new(), Programs::new()]);
    let locator = cloud.locator_addr().to_string();
    ended(&upload(&locator, &programs[0], "zero", &[]), 0);
    for round in 0..5 {
        let children = [0, 1].map(|who| start_upload(&locator, &programs[who], &format!("{round}-{who}")));
        for child in children {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() || said.contains("somebody else"), "{said}");
        }
        let [package, manifest] = uploaded(&cloud).await;
        let keys = storage(&cloud).await.find("app_versions", &["app:links"]).await.unwrap();
        let listed = run(&cloud, &["app", "versions", "links", "--output", "plain"]);
        assert_eq!(ended(&listed, 0).0.matches("\tyes").count(), 1, "{package:?} {manifest:?} {keys:?}");
        assert!(keys.len() >= 3, "{keys:?}");
    }
}

#[test]
fn hanging_locator_is_given_up() {
    let (listener, programs) = (TcpListener::bind("127.0.0.1:0").unwrap(), Programs::new());
    let locator = listener.local_addr().unwrap().to_string();
    let output = upload(&locator, &programs, "one", &["--timeout", "1"]);
    let said = ended(&output, 6).1;
    assert!(said.starts_with("error: the service `storage` cannot be reached: "), "{said}");
    assert!(said.contains("hint: `--timeout SECONDS` waits longer"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_of_the_node_changes_nothing() {
    let programs = Programs::new();
    let data = programs.path("data").display().to_string();
    // A limit for each file, which the node meets as a full disk.
    let limit = format!("trap '' XFSZ; ulimit -f 8192; exec '{}' \"$@\"", env!("CARGO_BIN_EXE_cocaine"));
    let mut command = Command::new("sh");
    command.args(["-c", &limit, "sh"]);
    let (_node, locator) = Node::start(&mut command, &data);
    ended(&upload(&locator, &programs, "one", &[]), 0);
    let storage: StorageClient = Client::new(&locator).unwrap().service().await.unwrap();
    let before = storage.read("apps", "links").await.unwrap();
    let mut seed = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed.to_le_bytes()
    })
    .take(4 << 20)
    .flatten()
    .collect();
    let large = programs.add("large", [&b"#!/bin/sh\n"[..], &noise].concat());
    let output = run_at(&locator, &["app", "upload", "links", "--program", &large, "--no-schema"]);
    let said = ended(&output, 1).1;
    assert!(
        said.contains("cannot be kept, so that nothing is changed") && said.contains("File too large"),
        "{said}"
    );
    assert_eq!(storage.read("apps", "links").await.unwrap(), before);
    // What fits is still taken.
    assert_eq!(ended(&upload(&locator, &programs, "two", &[]), 0).1, "links is uploaded\n");
}

#[test]
fn unreadable_file_is_named() {
    let programs = Programs::new();
    programs.add("links/run.sh", "#!/bin/sh\n");
    let secret = programs.add("links/secret", "1");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o0)).unwrap();
    fs::set_permissions(programs.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
    command.args(["app", "upload"]).arg(programs.path("links")).env("COCAINE_LOCATOR", "127.0.0.1:1");
    if fs::read(&secret).is_ok() {
        // Administrators may read everything.
        command.uid(65534);
    }
    match command.output() {
        Ok(output) => {
            let said = ended(&output, 1).1;
            assert!(said.contains("links/secret: cannot be packed: Permission denied"), "{said}");
        }
        Err(error) => eprintln!("not tested, since another user cannot run the program: {error}"),
    }
}
