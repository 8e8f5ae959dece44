//! `cocaine new`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use cocaine_test::Cloud;
use tempfile::TempDir;

use crate::command::{ended, run};

/// Runs `cocaine new` in a folder.
fn make(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cocaine")).current_dir(folder).arg("new").args(args).output().unwrap()
}

fn clone() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Returns the folder that the apps are built in. In that of this workspace, other tests would take what is built here for their own.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-apps")
}

#[test]
fn name_that_is_no_crate_is_refused() {
    let folder = TempDir::new().unwrap();
    for name in ["../shop", "Shop", "tokio", "2"] {
        let output = make(folder.path(), &[name]);
        assert!(ended(&output, 2).1.contains("a name of") || ended(&output, 2).1.contains("choose another"));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn folder_that_exists_is_refused() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("shop"), "mine").unwrap();
    let output = make(folder.path(), &["shop"]);
    assert!(ended(&output, 1).1.contains("shop is there already: nothing is written"), "{output:?}");
    assert_eq!(fs::read(folder.path().join("shop")).unwrap(), b"mine");
}

#[test]
fn path_without_a_clone_is_refused() {
    let folder = TempDir::new().unwrap();
    let output = make(folder.path(), &["shop", "--path", "."]);
    let expected = "error: . is no clone of the repository: there is no cocaine-rt/Cargo.toml in it\n";
    assert_eq!(ended(&output, 2), ("", expected));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn source_of_dependencies_is_told() {
    let folder = TempDir::new().unwrap();
    let next =
        |name: &str| format!("next: `cd {name}`, `cargo test`, `cocaine run`; {name}/README.md goes on\n");
    let output = make(folder.path(), &["shop", "--git", "https://git.example/cocaine"]);
    let expected =
        format!("shop is made; it takes cocaine-rt from https://git.example/cocaine\n{}", next("shop"));
    assert_eq!(ended(&output, 0), ("", expected.as_str()));
    let manifest = fs::read_to_string(folder.path().join("shop/Cargo.toml")).unwrap();
    assert!(manifest.contains("cocaine-rt = { git = \"https://git.example/cocaine\" }"), "{manifest}");
}

/// Runs Cargo in the folder of an app, with the versions of this workspace, and without a network.
fn cargo(app: &Path, args: &[&str]) {
    let output = Command::new(env!("CARGO"))
        .current_dir(app)
        .args(args)
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", target())
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes an app, and checks that it is formatted, that its tests pass and that clippy finds nothing. Returns its program.
fn build(folder: &Path, name: &str, template: &str) -> String {
    let clone = clone();
    let output = make(folder, &[name, "--template", template, "--path", clone.to_str().unwrap()]);
    ended(&output, 0);
    let app = folder.join(name);
    fs::copy(clone.join("Cargo.lock"), app.join("Cargo.lock")).unwrap();
    let mut rustfmt = Command::new("rustfmt");
    let formatted =
        rustfmt.args(["--edition", "2024", "--check"]).arg(app.join("src/main.rs")).output().unwrap();
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stdout));
    cargo(&app, &["test"]);
    cargo(&app, &["clippy", "--all-targets", "--", "-D", "warnings", "-W", "clippy::pedantic"]);
    cargo(&app, &["build"]);
    target().join("debug").join(name).display().to_string()
}

/// Uploads and starts the program of an app.
fn start(cloud: &Cloud, name: &str, program: &str) {
    ended(&run(cloud, &["app", "upload", name, "--program", program, "--start"]), 0);
}

/// Runs the command with which an app's README calls it, against the gateway of a cloud.
fn call_as_the_readme_says(cloud: &Cloud, app: &Path) -> String {
    let readme = fs::read_to_string(app.join("README.md")).unwrap();
    let call = readme.split("Call it from another terminal:\n\n```sh\n").nth(1).unwrap();
    let command = call.split("```").next().unwrap();
    let command = command.replace("127.0.0.1:8080", &cloud.http_addr().unwrap().to_string());
    let output = Command::new("sh").args(["-c", &command.replace("curl", "curl -sS")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap_or_else(|error| panic!("{error}: {:?}", output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds three apps and all that they depend on"]
async fn apps_of_all_templates_build_and_answer() {
    let folder = TempDir::new().unwrap();
    let cloud = Cloud::builder().http().start().await.unwrap();
    for (name, template, answer) in [
        ("new-worker", "worker", "\"text\":\"hello Ada\""),
        ("new-http", "http", "hello Ada"),
        ("new-stream", "stream", "[1,2,3]"),
    ] {
        let program = build(folder.path(), name, template);
        start(&cloud, name, &program);
        let answered = call_as_the_readme_says(&cloud, &folder.path().join(name));
        assert!(answered.contains(answer), "{name}: {answered}");
    }
}
