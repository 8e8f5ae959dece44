//! Apps in Python. Without `python3` on the machine nothing is tested.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use cocaine::Value;
use cocaine_test::Cloud;
use tempfile::TempDir;

use crate::{
    command::{ended, run, store},
    upload::greet,
};

/// A package with a module, as pip installs it.
const WHEEL: &str = r#"
import zipfile
files = {
    "tiny.py": "def greeting(name):\n    return f'Hello, {name}!'\n",
    "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
    "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
record = "tiny-1.0.dist-info/RECORD"
files[record] = "".join(f"{name},,\n" for name in [*files, record])
with zipfile.ZipFile("tiny-1.0-py3-none-any.whl", "w") as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
"#;

/// Makes the app `links`, if there is Python.
fn make() -> Option<(TempDir, PathBuf)> {
    let Ok(version) = Command::new("python3").arg("--version").output() else {
        eprintln!("not tested: there is no python3");
        return None;
    };
    assert!(version.status.success(), "{version:?}");
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
    let output =
        command.current_dir(&folder).args(["new", "links", "--template", "python"]).output().unwrap();
    let said = "links is made; it takes nothing but Python 3.9 or newer\n\
                next: `cd links`, `python3 -m unittest`, `cocaine run`; links/README.md goes on\n";
    assert_eq!(ended(&output, 0), ("", said));
    let app = folder.path().join("links");
    Some((folder, app))
}

/// Starts a cloud with a profile for busy machines.
async fn start() -> Cloud {
    let cloud = Cloud::builder().http().start().await.unwrap();
    store(&cloud, "profiles", "patient", &BTreeMap::from([("handshake-timeout", Value::from(60_u8))])).await;
    cloud
}

/// Runs `cocaine app upload` for a folder, with pip looking for packages in another.
fn upload(cloud: &Cloud, app: &Path, wheels: &Path, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
    command.args(["app", "upload"]).arg(app).args(options);
    command.env("COCAINE_LOCATOR", cloud.locator_addr().to_string());
    command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", wheels).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn python_template_is_tested_and_called() {
    let Some((_folder, app)) = make() else { return };
    let tested = Command::new("python3").current_dir(&app).args(["-m", "unittest"]).output().unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
    let cloud = start().await;
    let output = run(&cloud, &["app", "upload", app.to_str().unwrap(), "--start", "--profile", "patient"]);
    assert_eq!(ended(&output, 0).1, "links is uploaded\nlinks is started with the profile patient\n");
    let output = run(&cloud, &["--output", "json", "call", "links", "greet", "Ada"]);
    assert_eq!(ended(&output, 0).0, "\"hello Ada\"\n");
    let http = cloud.http_addr().unwrap();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(http).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    };
    let page = get("/links/web/greet/Ada?x=1");
    assert!(page.starts_with("HTTP/1.1 200") && page.ends_with("\r\n\r\nhello Ada"), "{page}");
    assert!(get("/links/web/none").starts_with("HTTP/1.1 404"));
    let output = run(&cloud, &["app", "stop", "links"]);
    assert_eq!(ended(&output, 0).1, "links is stopped\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn requirements_become_a_virtual_environment() {
    let Some((folder, app)) = make() else { return };
    let wheels = folder.path();
    let made = Command::new("python3").current_dir(wheels).args(["-c", WHEEL]).status().unwrap();
    assert!(made.success());
    fs::write(app.join("requirements.txt"), "tiny==1.0\n").unwrap();
    let text = fs::read_to_string(app.join("app.py")).unwrap();
    let text = text
        .replace("#!/usr/bin/env python3", "#!venv/bin/python")
        .replace("from cocaine_worker", "from tiny import greeting\nfrom cocaine_worker");
    fs::write(app.join("app.py"), text.replace("return f\"hello {name}\"", "return greeting(name)")).unwrap();
    let cloud = start().await;
    let output = upload(&cloud, &app, wheels, &["--start", "--profile", "patient"]);
    let said = ended(&output, 0).1;
    assert!(said.contains(" of the machine of their node, to which venv/bin/python"), "{said}");
    assert!(!said.contains("no schema"), "{said}");
    assert_eq!(greet(&cloud).await, "Hello, Ada!");
    let output = upload(&cloud, &app, wheels, &[]);
    assert!(ended(&output, 0).1.ends_with("links is uploaded already, with the same bytes\n"), "{output:?}");

    fs::write(app.join("requirements.txt"), "none==1.0\n").unwrap();
    let output = upload(&cloud, &app, wheels, &[]);
    let said = ended(&output, 1).1;
    assert!(said.contains("requirements.txt: its virtual environment cannot be made"), "{said}");
    // What is unfinished is made again.
    fs::write(app.join("requirements.txt"), "tiny==1.0\n").unwrap();
    assert!(ended(&upload(&cloud, &app, wheels, &[]), 0).1.ends_with("with the same bytes\n"));
}

#[test]
fn missing_python_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("requirements.txt"), "tiny\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
    command.args(["app", "upload", "links"]).arg(folder.path());
    let output = command.env("PATH", "").env("COCAINE_LOCATOR", "127.0.0.1:1").output().unwrap();
    let said = ended(&output, 1).1;
    assert!(said.contains("there is no `python3` here") && said.contains("`--no-venv`"), "{said}");
}
