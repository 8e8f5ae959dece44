//! `cocaine profile`.

use std::{collections::BTreeMap, fs};

use cocaine::{Bytes, Value, msgpack};
use cocaine_bindings::Storage as _;
use cocaine_test::Cloud;

use crate::{
    command::{ended, run, run_at, storage},
    program::Programs,
    worker,
};

/// The words after a profile without `isolate` is created.
const NO_ISOLATE: &str = "it has no `isolate`: an original node then starts apps through its isolation daemon, and by itself with \
                          `isolate.type=legacy_process`\n";

async fn profile(cloud: &Cloud, name: &str) -> BTreeMap<String, Value> {
    msgpack::from_slice(&storage(cloud).await.read("profiles", name).await.unwrap()).unwrap()
}

#[tokio::test]
async fn profile_is_written_shown_and_removed() {
    let cloud = Cloud::start().await.unwrap();
    let set = |args: &[&str]| run(&cloud, &[&["profile", "set", "small"], args].concat());
    let written =
        set(&["pool-limit=2", "isolate.args.note=007", "isolate.type=legacy_process", "log-output=true"]);
    assert_eq!(ended(&written, 0), ("", "the profile small is written\n"));
    assert_eq!(ended(&set(&["pool-limit=2"]), 0), ("", "the profile small is like that already\n"));
    assert_eq!(ended(&set(&["pool-limit=3", "--dry-run"]), 0), ("", "would change the profile `small`\n"));
    let unset = set(&["seal-timeout=0.5", "--unset", "log-output", "--unset", "isolate.args"]);
    assert_eq!(ended(&unset, 0), ("", "the profile small is written\n"));
    assert_eq!(
        ended(&set(&["--unset", "log-output"]), 3),
        ("", "error: the profile `small` has no key `log-output`\n")
    );

    let show = |format| run(&cloud, &["profile", "show", "small", "--output", format]);
    let json = "{\"isolate\":{\"type\":\"legacy_process\"},\"pool-limit\":2,\"seal-timeout\":0.5}\n";
    assert_eq!(ended(&show("jsonl"), 0), (json, ""));
    assert_eq!(
        ended(&show("plain"), 0).0,
        "isolate\t{\"type\":\"legacy_process\"}\npool-limit\t2\nseal-timeout\t0.5\n"
    );
    assert!(ended(&show("table"), 0).0.starts_with("KEY           VALUE\n"));

    let removed = run(&cloud, &["profile", "rm", "small", "--yes"]);
    assert_eq!(ended(&removed, 0), ("", "the profile small is removed\n"));
    for verb in ["show", "remove"] {
        let output = run(&cloud, &["profile", verb, "small"]);
        assert_eq!(ended(&output, 3), ("", "error: there is no profile `small`\n"));
    }
}

#[tokio::test]
async fn profile_is_read_from_files() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("small.toml"), "pool-limit = 2\n[isolate]\ntype = \"process\"\n").unwrap();
    fs::write(path("large.json"), "{\"pool-limit\": 200}").unwrap();
    fs::write(path("list.json"), "[]").unwrap();
    fs::write(path("wrong.toml"), "pool-limit = ").unwrap();
    let set = |args: &[&str]| run(&cloud, &[&["profile", "set", "p", "--file"], args].concat());
    assert_eq!(ended(&set(&[&path("small.toml")]), 0), ("", "the profile p is written\n"));
    let expected = BTreeMap::from([
        ("isolate".to_owned(), Value::Map(vec![("type".into(), "process".into())])),
        ("pool-limit".to_owned(), 2_u8.into()),
    ]);
    assert_eq!(profile(&cloud, "p").await, expected);
    let asked = set(&[&path("large.json")]);
    assert!(ended(&asked, 2).1.contains("whether to replace the profile `p`: `--yes` does it"), "{asked:?}");
    ended(&set(&[&path("large.json"), "concurrency=5", "--yes"]), 0);
    let expected = [("concurrency", 5_u8), ("pool-limit", 200)];
    assert_eq!(
        profile(&cloud, "p").await,
        expected.map(|(key, value)| (key.to_owned(), value.into())).into()
    );
    for (name, words) in [
        ("list.json", "list.json: a profile is a map"),
        ("wrong.toml", "wrong.toml: "),
        ("none.json", "none.json: No such file"),
    ] {
        let output = set(&[&path(name)]);
        assert!(ended(&output, 1).1.contains(words), "{output:?}");
    }
}

#[tokio::test]
async fn unknown_keys_are_written_with_force_alone() {
    let cloud = Cloud::start().await.unwrap();
    let refused = run(&cloud, &["profile", "set", "p", "pool-limt=2"]);
    let said = "error: no node knows the key `pool-limt`: did you mean `pool-limit`?; `--force` writes it all the same\n";
    assert_eq!(ended(&refused, 2), ("", said));
    assert!(storage(&cloud).await.read("profiles", "p").await.unwrap_err().is_not_found());
    let forced = run(&cloud, &["profile", "set", "p", "pool-limt=2", "--force"]);
    assert_eq!(ended(&forced, 0), ("", format!("the profile p is written\n{NO_ISOLATE}").as_str()));
    for (name, words) in [
        ("a/b", "a name of 1 to 100 bytes"),
        ("..", "a name of 1 to 100 bytes"),
        ("profile", "no profile can be called `profile`"),
    ] {
        let output = run(&cloud, &["profile", "set", name, "pool-limit=2"]);
        assert!(ended(&output, 2).1.contains(words), "{output:?}");
    }
}

#[tokio::test]
async fn users_of_profiles_are_named() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    ended(&run(&cloud, &["profile", "set", "patient", "handshake-timeout=60"]), 0);
    let program = programs.add("worker", worker::script());
    ended(&run(&cloud, &["app", "upload", "links", "--program", &program]), 0);
    ended(&run(&cloud, &["app", "start", "links", "--profile", "patient"]), 0);
    ended(&run(&cloud, &["runlist", "create", "boot", "links=patient"]), 0);

    let listed = run(&cloud, &["profile", "ls", "--output", "jsonl"]);
    let expected = "{\"name\":\"patient\",\"apps\":[\"links\"],\"runlists\":[\"boot/links\"]}\n";
    let rows: Vec<_> = ended(&listed, 0).0.lines().filter(|line| line.contains("patient")).collect();
    assert_eq!(rows, [expected.trim_end()]);
    let asked = run(&cloud, &["profile", "remove", "patient", "--dry-run"]);
    let action =
        "would remove the profile `patient`, which runs links, and is in the runlists as boot/links\n";
    assert_eq!(ended(&asked, 0), ("", action));
    let said = "the profile patient is written\n\
                links runs with it, and reads it when it is restarted: `cocaine app restart links`\n";
    assert_eq!(ended(&run(&cloud, &["profile", "set", "patient", "pool-limit=3"]), 0), ("", said));
}

#[tokio::test]
async fn hostile_profiles_are_listed_and_removed() {
    let cloud = Cloud::start().await.unwrap();
    let storage = storage(&cloud).await;
    let (long, blob) = ("x".repeat(5_000), Bytes::from_static(b"\xc1"));
    for name in ["\u{1b}[2J\n", "a/b", &long] {
        storage.write("profiles", name, &blob, Some(&["profile"])).await.unwrap();
    }
    let output = run(&cloud, &["profile", "list", "--output", "plain"]);
    let (text, said) = ended(&output, 0);
    assert!(text.contains("\\u{1b}[2J\\n\t\t\n") && text.contains("a/b\t\t\n"), "{text}");
    assert!(!text.contains('\u{1b}') && !said.contains('\u{1b}'), "{said:?}");
    let output = run(&cloud, &["profile", "show", "a/b"]);
    assert!(ended(&output, 1).1.starts_with("error: the profile `a/b` cannot be read: "), "{output:?}");
    for name in ["\u{1b}[2J\n", "a/b", &long] {
        ended(&run(&cloud, &["profile", "remove", name, "--yes"]), 0);
        assert!(storage.read("profiles", name).await.unwrap_err().is_not_found());
    }
}

#[test]
fn groups_of_commands_need_a_cloud() {
    // Connections are accepted by the system, and never answered.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    for args in [["profile", "list"], ["runlist", "list"], ["group", "list"]] {
        ended(&run_at("127.0.0.1:1", &args), 5);
        let output = run_at(&silent, &[&args[..], &["--timeout", "0.2"]].concat());
        assert!(ended(&output, 6).1.contains("hint: `--timeout SECONDS` waits longer"), "{output:?}");
    }
}
