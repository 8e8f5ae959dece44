//! The command line without a network.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use cocaine_codegen::Builder;

/// Runs in `folder`.
fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine-codegen"));
    command.args(args).env_remove("COCAINE_LOCATOR").current_dir(folder).output().unwrap()
}

fn ended(output: &Output, code: i32) -> (&str, &str) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    (std::str::from_utf8(&output.stdout).unwrap(), std::str::from_utf8(&output.stderr).unwrap())
}

fn committed() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings/metadata.json");
    fs::read_to_string(path).unwrap()
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    fs::write(path.join("metadata.json"), committed()).unwrap();
    (folder, path)
}

#[test]
fn committed_output_is_up_to_date() {
    let (_folder, path) = folder();
    let output = run(&path, &["generate", "--from", "metadata.json"]);
    let (code, said) = ended(&output, 0);
    assert!(code.contains("pub trait Storage {") && said.is_empty(), "{said}");

    let (nothing, said) = (run(&path, &["--from", "metadata.json", "-o", "bindings.rs"]), "");
    assert_eq!(ended(&nothing, 0), ("", said));
    assert_eq!(fs::read_to_string(path.join("bindings.rs")).unwrap(), code);
    for file in ["bindings.rs", "metadata.json"] {
        let output = run(&path, &["check", file, "--from", "metadata.json"]);
        assert_eq!(ended(&output, 0), ("", format!("{file} is up to date\n").as_str()));
    }

    ended(&run(&path, &["--from", "metadata.json", "--out-dir", "bindings"]), 0);
    ended(&run(&path, &["check", "bindings", "--from", "metadata.json"]), 0);
    assert!(path.join("bindings/mod.rs").exists() && path.join("bindings/storage.rs").exists());
}

#[test]
fn unchanged_output_is_not_written() {
    let (_folder, path) = folder();
    let written = || fs::metadata(path.join("bindings.rs")).unwrap().modified().unwrap();
    ended(&run(&path, &["--from", "metadata.json", "-o", "bindings.rs"]), 0);
    let first = written();
    ended(&run(&path, &["--from", "metadata.json", "-o", "bindings.rs"]), 0);
    assert_eq!(written(), first);
}

#[test]
fn drift_is_graded() {
    let (_folder, path) = folder();
    ended(&run(&path, &["--from", "metadata.json", "-o", "bindings.rs"]), 0);
    ended(&run(&path, &["--from", "metadata.json", "--out-dir", "bindings"]), 0);
    let now = committed()
        .replace("\"3\": [\"find\"", "\"4\": [\"find\"")
        .replace("\"6\": [\"uuid\"", "\"6\": [\"identity\"");
    fs::write(path.join("now.json"), now).unwrap();
    let expected = "\
breaking: locator.uuid: the method is gone: expected id 6 that takes {} and answers {0 value, 1 error}, found nothing
renumbered: storage.find: the id has changed: expected 3, found 4
additive: locator.identity: the method is new: expected nothing, found id 6 that takes {} and answers {0 value, 1 error}
";
    for file in ["metadata.json", "bindings.rs", "bindings"] {
        let output = run(&path, &["check", file, "--from", "now.json"]);
        let summary = format!(
            "{file} is out of date: 1 breaking, 1 renumbered, 1 additive; generate or fetch it again\n"
        );
        assert_eq!(ended(&output, 1), (expected, summary.as_str()));
    }
}

#[test]
fn named_services_are_compared_unknown_name_fails() {
    let (_folder, path) = folder();
    ended(&run(&path, &["--from", "metadata.json", "-o", "bindings.rs"]), 0);
    ended(&run(&path, &["--from", "metadata.json", "--out-dir", "bindings"]), 0);
    let some = committed().replace("\"3\": [\"find\"", "\"4\": [\"find\"");
    fs::write(path.join("now.json"), some).unwrap();
    for file in ["metadata.json", "bindings.rs", "bindings"] {
        let check = |services| run(&path, &["check", file, "--from", "now.json", "--service", services]);
        assert_eq!(ended(&check("locator,app"), 0).0, "", "{file}");
        let output = check("locator,storage");
        assert_eq!(
            ended(&output, 1).0,
            "renumbered: storage.find: the id has changed: expected 3, found 4\n"
        );
        let output = check("locator,shelf");
        let error = "error: metadata: there is no service `shelf`, neither expected nor found\n";
        assert_eq!(ended(&output, 2), ("", error));
    }
}

/// Even where no code could be generated, since the catalogue describes the method otherwise.
#[test]
fn reshaped_method_is_drift_not_an_error() {
    let (_folder, path) = folder();
    ended(&run(&path, &["--from", "metadata.json", "-o", "bindings.rs"]), 0);
    ended(&run(&path, &["--from", "metadata.json", "--out-dir", "bindings"]), 0);
    let now = committed().replace(
        "[\"emit\", {}, {}]",
        r#"["emit", {}, {"0": ["write", null], "1": ["error", {}], "2": ["close", {}]}]"#,
    );
    fs::write(path.join("now.json"), now).unwrap();
    ended(&run(&path, &["--from", "now.json"]), 2);
    for file in ["metadata.json", "bindings.rs", "bindings"] {
        let output = run(&path, &["check", file, "--from", "now.json"]);
        let expected = "breaking: logging.emit: the service sends something else: expected {}, found {0 write …, 1 error, 2 close}";
        assert_eq!(ended(&output, 1).0.lines().next(), Some(expected), "{file}");
    }
}

#[test]
fn difference_below_threshold_is_shown_without_failure() {
    let (_folder, path) = folder();
    let more = committed().replace("\"3\": [\"find\"", "\"9\": [\"new\", {}, {}],\n        \"4\": [\"find\"");
    fs::write(path.join("now.json"), more).unwrap();
    for (level, code) in [("breaking", 0), ("renumbered", 1), ("additive", 1), ("code", 1)] {
        let output = run(&path, &["check", "metadata.json", "--from", "now.json", "--fail-on", level]);
        let (drift, said) = ended(&output, code);
        assert!(
            drift.starts_with("renumbered: storage.find: ") && drift.contains("\nadditive: storage.new: ")
        );
        assert_eq!(said.contains("not as far as breaking: 1 renumbered, 1 additive"), code == 0, "{said}");
    }
}

#[test]
fn drift_as_json() {
    let (_folder, path) = folder();
    let now = committed().replace("\"6\": [\"uuid\"", "\"6\": [\"identity\\n\"");
    fs::write(path.join("now.json"), now).unwrap();
    let check = |from| run(&path, &["check", "metadata.json", "--from", from, "--format", "json"]);
    let shape = "id 6 that takes {} and answers {0 value, 1 error}";
    let expected = serde_json::json!({
        "file": "metadata.json",
        "worst": "breaking",
        "differences": [
            {
                "grade": "breaking", "service": "locator", "method": "uuid",
                "message": "the method is gone", "expected": shape, "found": null
            },
            {
                "grade": "additive", "service": "locator", "method": "identity\n",
                "message": "the method is new", "expected": null, "found": shape
            }
        ]
    });
    let output = check("now.json");
    assert_eq!(serde_json::from_str::<serde_json::Value>(ended(&output, 1).0).unwrap(), expected);
    let same = serde_json::json!({ "file": "metadata.json", "worst": null, "differences": [] });
    let output = check("metadata.json");
    assert_eq!(serde_json::from_str::<serde_json::Value>(ended(&output, 0).0).unwrap(), same);
}

#[test]
fn changed_catalogue_words_are_code_drift() {
    let (_folder, path) = folder();
    let only =
        |args: &[&str]| run(&path, &[args, &["--from", "metadata.json", "--service", "storage"]].concat());
    ended(&only(&["-o", "bindings.rs"]), 0);
    let own = "trait Storage { fn read(collection: &str, key: &str) -> Bytes; }";
    fs::write(path.join("own.rs"), own).unwrap();
    let output = only(&["check", "bindings.rs", "--catalogue", "own.rs"]);
    let (drift, _) = ended(&output, 1);
    assert!(
        drift.contains("code: Storage.read: its docs, arguments or answer are described differently now"),
        "{drift}"
    );

    let edited = fs::read_to_string(path.join("bindings.rs")).unwrap().replace("Ok(", "Ok::<_, ()>(");
    fs::write(path.join("bindings.rs"), edited + "\n").unwrap();
    let output = only(&["check", "bindings.rs"]);
    assert!(ended(&output, 1).0.starts_with("code: (all): only what is around the traits differs"));
}

#[test]
fn missing_or_extra_file_is_drift() {
    let (_folder, path) = folder();
    ended(&run(&path, &["--from", "metadata.json", "--out-dir", "bindings"]), 0);
    fs::rename(path.join("bindings/storage.rs"), path.join("bindings/shelf.rs")).unwrap();
    let output = run(&path, &["check", "bindings", "--from", "metadata.json"]);
    let expected = "\
breaking: storage: the service is gone: expected version 1, found nothing
additive: storage: the service is new: expected nothing, found version 1
";
    assert_eq!(ended(&output, 1).0, expected);
}

#[test]
fn metadata_file_is_fetched_unchanged() {
    let (_folder, path) = folder();
    assert_eq!(ended(&run(&path, &["fetch", "--from", "metadata.json"]), 0).0, committed());
    let output = run(&path, &["dump", "--from", "metadata.json", "--service", "logging"]);
    let expected = "\
logging, version 2
  0 emit: nothing
  1 verbosity: one value or an error
  2 set_verbosity: one value or an error
";
    assert_eq!(ended(&output, 0), (expected, ""));
}

#[test]
fn json_dump_is_read_back() {
    let (_folder, path) = folder();
    let output = run(&path, &["dump", "--from", "metadata.json", "--format", "json"]);
    assert_eq!(ended(&output, 0), (committed().as_str(), ""));
    let output = run(&path, &["dump", "--from", "metadata.json", "--service", "logging", "--format", "dot"]);
    let (picture, _) = ended(&output, 0);
    assert!(picture.starts_with("digraph protocol {\n") && picture.contains("[shape=box, label=\"0 emit\"]"));
}

#[test]
fn errors_say_what_to_do() {
    let (_folder, path) = folder();
    fs::write(path.join("broken.json"), "{\"a\": 1}").unwrap();
    fs::write(path.join("broken.rs"), "trait X { fn f(self); }").unwrap();
    fs::write(path.join("other.rs"), "static X: u8 = 1;").unwrap();
    for (args, expected) in [
        (
            &["generate"][..],
            "error: name a locator with `--locator HOST:PORT` or COCAINE_LOCATOR, or a file with",
        ),
        (&["--from", "nowhere.json"], "error: nowhere.json: "),
        (&["--from", "broken.json"], "error: broken.json: metadata: invalid type: integer `1`"),
        (&["--from", "metadata.json", "--catalogue", "broken.rs"], "error: broken.rs:1:16: leave `self` out"),
        (
            &["--from", "metadata.json", "--service", "shelf"],
            "error: metadata: there is no service `shelf`; there are: app",
        ),
        (
            &["check", "other.rs", "--from", "metadata.json"],
            "error: other.rs: metadata: this is no output of this generator",
        ),
        (
            &["--from", "metadata.json", "--doubles-of", "bindings"],
            "error: `bindings` is no path of a module: write one from `crate::` or `::`, such as `crate::bindings`",
        ),
        (&["--from", "metadata.json", "--doubles-of", "crate::a<b>"], "error: `crate::a<b>` is no path"),
        (
            &["--from", "metadata.json", "--types", "dto"],
            "error: `dto` is no path of a module: write one from",
        ),
        (&["--from", "metadata.json", "--types", "crate::dto;"], "error: `crate::dto;` is no path"),
        (&["check", "nowhere.rs", "--from", "metadata.json"], "error: nowhere.rs: "),
        (&["check", "metadata.json", "--from", "broken.json"], "error: broken.json: metadata: "),
        (
            &["check", "metadata.json", "--from", "metadata.json", "--fail-on", "anything"],
            "error: invalid value 'anything' for '--fail-on <GRADE>'",
        ),
        (&["--from", "metadata.json", "-o", "no/where.rs"], "error: no/where.rs: "),
        (
            &["--from", "metadata.json", "--timeout", "soon"],
            "error: invalid value 'soon' for '--timeout <SECONDS>': a number",
        ),
    ] {
        let output = run(&path, args);
        let (nothing, error) = ended(&output, 2);
        assert!(nothing.is_empty() && error.starts_with(expected), "{args:?}: {error}");
    }
}

#[test]
fn warnings_are_errors_if_wanted() {
    let (_folder, path) = folder();
    let json = r#"{"shelf": {"version": 1, "graph": {"0": ["ping", {}, {}]}}}"#;
    fs::write(path.join("shelf.json"), json).unwrap();
    let output = run(&path, &["--from", "shelf.json"]);
    assert!(ended(&output, 0).1.starts_with("warning: service `shelf`: no catalogue describes it"));
    let output = run(&path, &["--from", "shelf.json", "--strict"]);
    assert!(ended(&output, 2).1.starts_with("error: service `shelf`: no catalogue describes it"));
}

#[test]
fn doubles_are_written_apart_from_the_bindings() {
    let (_folder, path) = folder();
    let of = ["--from", "metadata.json", "--service", "storage", "--doubles-of", "crate::bindings"];
    let output = run(&path, &of);
    let (code, said) = ended(&output, 0);
    assert!(code.contains("pub struct StorageDouble(") && !code.contains("pub trait") && said.is_empty());
    assert!(code.contains("use crate::bindings::storage::{Storage, StorageClient};"), "{code}");
    let built = path.join("doubles.rs");
    let builder = Builder::new().metadata(path.join("metadata.json")).service("storage");
    builder.doubles_of("crate::bindings").out(&built).generate().unwrap();
    assert_eq!(fs::read_to_string(&built).unwrap(), code);
    ended(&run(&path, &[&of[..], &["--out-dir", "doubles"]].concat()), 0);
    assert!(path.join("doubles/mod.rs").exists() && path.join("doubles/storage.rs").exists());
}

#[test]
fn build_script_generates_the_same_output() {
    let (_folder, path) = folder();
    let out = path.join("built.rs");
    Builder::new().metadata(path.join("metadata.json")).out(&out).strict().generate().unwrap();
    let output = run(&path, &["--from", "metadata.json"]);
    assert_eq!(fs::read_to_string(&out).unwrap(), ended(&output, 0).0);
    let error = Builder::new()
        .metadata(path.join("metadata.json"))
        .service("shelf")
        .out(&out)
        .generate()
        .unwrap_err();
    assert!(error.to_string().contains("there is no service `shelf`"));
    assert!(Builder::new().generate().unwrap_err().to_string().contains("Builder::metadata"));
}

#[test]
fn other_languages_are_those_of_the_library() {
    let (_folder, path) = folder();
    let metadata = cocaine_codegen::Metadata::from_json(&committed()).unwrap();
    let catalogue = cocaine_codegen::Catalogue::builtin();
    let typescript = cocaine_codegen::typescript(&metadata, &catalogue, false).unwrap();
    let typescript = &*typescript.files[0].text;
    let args = ["--from", "metadata.json", "--lang", "typescript"];
    assert_eq!(ended(&run(&path, &args), 0), (typescript, ""));
    ended(&run(&path, &[&args[..], &["--output", "client.ts"]].concat()), 0);
    assert_eq!(fs::read_to_string(path.join("client.ts")).unwrap(), typescript);
    for (format, expected) in [
        ("json-schema", cocaine_codegen::json_schema(&metadata, &catalogue)),
        ("openrpc", cocaine_codegen::open_rpc(&metadata, &catalogue)),
    ] {
        let output = run(&path, &["dump", "--from", "metadata.json", "--format", format]);
        assert_eq!(ended(&output, 0), (expected.unwrap().as_str(), ""));
    }
}

#[test]
fn options_of_rust_are_refused_for_typescript() {
    let (_folder, path) = folder();
    let args = ["--from", "metadata.json", "--lang", "typescript"];
    for (option, expected) in [
        (["--doubles-of", "crate::bindings"], "`--doubles-of`: there are doubles for Rust only"),
        (["--types", "crate::dto"], "`--types`: only Rust has modules of types"),
        (["--out-dir", "out"], "`--out-dir`: TypeScript is one file, write it with `--output FILE`"),
    ] {
        let output = run(&path, &[&args[..], &option].concat());
        assert_eq!(ended(&output, 2), ("", format!("error: {expected}\n").as_str()));
        assert!(!path.join("out").exists());
    }
}
