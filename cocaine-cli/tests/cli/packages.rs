//! What can be uploaded: folders, crates, archives and programs.

use std::{collections::BTreeMap, fs, io::Write as _};

use cocaine::{Bytes, Value, msgpack};
use cocaine_bindings::Storage as _;
use cocaine_test::Cloud;
use flate2::{Compression, write::GzEncoder};

use crate::{
    command::{ended, manifest, run, run_at, storage, store},
    program::{Programs, schema},
    upload::greet,
    worker,
};

const START: [&str; 3] = ["--start", "--profile", "patient"];

/// Starts a cloud with a profile for busy machines.
async fn start() -> Cloud {
    let cloud = Cloud::start().await.unwrap();
    store(&cloud, "profiles", "patient", &BTreeMap::from([("handshake-timeout", Value::from(60_u8))])).await;
    cloud
}

/// Returns a package as it is stored.
async fn package(cloud: &Cloud) -> Bytes {
    storage(cloud).await.read("apps", "links").await.unwrap()
}

/// Returns an archive with one file, plain.
fn tar(name: &str, content: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o755);
    archive.append_data(&mut header, name, content.as_bytes()).unwrap();
    archive.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn folder_is_uploaded_and_run() {
    let (cloud, programs) = (start().await, Programs::new());
    programs.add("links/run.sh", "#!/bin/sh\nexec lib/worker \"$@\"\n");
    programs.add("links/lib/worker", worker::script());
    programs.add("links/manifest.json", r#"{"slave": "run.sh", "environment": {"A": "1"}}"#);
    fs::create_dir(programs.path("links/empty")).unwrap();
    std::os::unix::fs::symlink("lib/worker", programs.path("links/link")).unwrap();
    let folder = programs.path("links").display().to_string();
    let output = run(&cloud, &[&["app", "upload", &folder, "--no-schema"][..], &START].concat());
    let (_, said) = ended(&output, 0);
    assert_eq!(said, "links is uploaded\nlinks is started with the profile patient\n");
    assert_eq!(greet(&cloud).await, "Hello, Ada!");
    let manifest = manifest(&cloud).await;
    assert_eq!(
        (&manifest["slave"], manifest["environment"].to_string()),
        (&"run.sh".into(), r#"{"A": "1"}"#.into())
    );
}

#[tokio::test]
async fn crate_is_built_and_run() {
    let (cloud, programs) = (start().await, Programs::new());
    let script = programs.add("worker", worker::script());
    programs.add(
        "crate/Cargo.toml",
        "[package]\nname = \"greeter\"\nedition = \"2024\"\n[package.metadata.cocaine]\nname = \"links\"\n[workspace]\n",
    );
    programs.add(
        "crate/src/main.rs",
        format!(
            "use std::{{env::args_os, os::unix::process::CommandExt, process::Command}};\n\
             fn main() {{ panic!(\"{{}}\", Command::new({script:?}).args(args_os().skip(1)).exec()); }}\n"
        ),
    );
    let folder = programs.path("crate").display().to_string();
    let output = run(&cloud, &[&["app", "upload", &folder][..], &START].concat());
    let (_, said) = ended(&output, 0);
    assert!(said.ends_with("links is uploaded\nlinks is started with the profile patient\n"), "{said}");
    assert_eq!(greet(&cloud).await, "Hello, Ada!");
    assert!(manifest(&cloud).await.contains_key("schema"));

    programs.add("crate/src/main.rs", "fn main() { oops }\n");
    let output = run(&cloud, &["app", "upload", "--crate", &folder]);
    assert!(ended(&output, 1).1.contains("error: `greeter` cannot be built, for the reasons above\n"));
    programs.add("crate/Cargo.toml", "[workspace]\n");
    let output = run(&cloud, &["app", "upload", "--crate", &folder]);
    assert!(ended(&output, 1).1.contains("name the folder of one of its crates"));
}

#[tokio::test]
async fn archive_is_uploaded_as_it_is() {
    let (cloud, programs) = (start().await, Programs::new());
    let plain = tar("./run.sh", &worker::script());
    for (name, bytes) in [("links.tar", plain.clone()), ("links.tar.gz", gzip(&plain))] {
        let archive = programs.add(name, &bytes);
        let output = run(&cloud, &[&["app", "upload", &archive, "--no-schema"][..], &START].concat());
        assert_eq!(ended(&output, 0).1, "links is uploaded\nlinks is started with the profile patient\n");
        let stored: &[u8] = &package(&cloud).await;
        assert_eq!(msgpack::from_slice::<&[u8]>(stored).unwrap(), bytes);
        assert_eq!(greet(&cloud).await, "Hello, Ada!");
    }
}

#[tokio::test]
async fn broken_archive_is_refused() {
    let (cloud, programs) = (start().await, Programs::new());
    let whole = tar("run.sh", &"#!/bin/sh\n".repeat(1000));
    let cut = gzip(&whole);
    for (name, bytes, words) in [
        ("cut.tar", whole[..2000].to_vec(), "the archive is broken"),
        ("cut.tar.gz", cut[..cut.len() / 2].to_vec(), "the archive is broken"),
        ("empty.tar.gz", gzip(&[0; 1024]), "has no files"),
        ("nothing.tar.gz", gzip(b"text"), "the archive is broken"),
    ] {
        let archive = programs.add(name, &bytes);
        let output = run(&cloud, &["app", "upload", "links", &archive]);
        let (_, said) = ended(&output, 1);
        assert!(said.contains(name) && said.contains(words), "{said}");
    }
    assert!(storage(&cloud).await.read("apps", "links").await.is_err(), "nothing is uploaded");
}

#[tokio::test]
async fn same_bytes_are_not_written_again() {
    let (cloud, programs) = (start().await, Programs::new());
    let program = programs.describing("program", &schema("\"u8\""));
    let args = ["app", "upload", "links", "--program", &program];
    let output = run(&cloud, &[&args[..], &["--dry-run"]].concat());
    assert_eq!(ended(&output, 0), ("", "would upload links: there is no such app yet\n"));
    assert!(storage(&cloud).await.read("apps", "links").await.is_err(), "nothing is uploaded");
    assert_eq!(ended(&run(&cloud, &args), 0).1, "links is uploaded\n");
    assert_eq!(ended(&run(&cloud, &args), 0).1, "links is uploaded already, with the same bytes\n");
    programs.add("more.json", r#"{"environment": {"A": "1"}}"#);
    let more = programs.path("more.json").display().to_string();
    let output = run(&cloud, &[&args[..], &["--manifest", &more, "--dry-run"]].concat());
    assert_eq!(ended(&output, 0).1, "would upload links: the same package, with another manifest\n");
}

#[tokio::test]
async fn program_of_another_machine_is_refused() {
    let (cloud, programs) = (start().await, Programs::new());
    let machine = if cfg!(target_arch = "aarch64") { b'\xf3' } else { b'\xb7' };
    let elf = [&b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0"[..], &[machine, 0], &[0; 44]].concat();
    for (content, reason) in [
        (elf, "it is for another machine, "),
        (b"text".to_vec(), "it is neither a program of Linux nor a script"),
    ] {
        let program = programs.add("program", &content);
        let args = ["app", "upload", "links", "--program", &program];
        let output = run(&cloud, &args);
        let (_, said) = ended(&output, 1);
        assert!(said.contains(reason) && said.contains("`--foreign`"), "{said}");
        assert!(storage(&cloud).await.read("apps", "links").await.is_err(), "nothing is uploaded");
    }
    let program = programs.path("program").display().to_string();
    let output = run(&cloud, &["app", "upload", "links", "--program", &program, "--foreign"]);
    assert!(ended(&output, 0).1.starts_with("no schema: "));
}

#[test]
fn names_and_paths_are_told_apart() {
    let programs = Programs::new();
    let output = run_at("", &["app", "upload", "links"]);
    assert!(ended(&output, 2).1.contains("name what to upload, such as `cocaine app upload links .`"));
    programs.add(".hidden/run.sh", "");
    let hidden = programs.path(".hidden").display().to_string();
    assert!(ended(&run_at("", &["app", "upload", &hidden]), 2).1.contains("cannot be the name of an app"));
    let output = run_at("", &["app", "upload", "links", "/dev/null"]);
    assert!(ended(&output, 1).1.contains("/dev/null: is neither a file nor a folder"));
}

#[tokio::test]
async fn unknown_target_says_what_to_install() {
    let programs = Programs::new();
    programs.add("crate/Cargo.toml", "[package]\nname = \"links\"\nedition = \"2024\"\n[workspace]\n");
    programs.add("crate/src/main.rs", "fn main() {}\n");
    let folder = programs.path("crate").display().to_string();
    let output = run_at("", &["app", "upload", &folder, "--target", "sparc64-unknown-netbsd"]);
    let said = ended(&output, 1).1;
    assert!(
        said.contains("rustup target add sparc64-unknown-netbsd") || said.contains("cargo-zigbuild"),
        "{said}"
    );
}
