//! `cocaine app upload`.

use std::collections::BTreeMap;

use cocaine::{Value, schema::MANIFEST_KEY};
use cocaine_bindings::{App as _, AppClient, Storage as _};
use cocaine_test::Cloud;

use crate::{
    command::{ended, manifest, run, storage, store},
    program::{Programs, schema},
    worker,
};

/// Calls the event `greet` of the app `links`.
pub(crate) async fn greet(cloud: &Cloud) -> String {
    let app: AppClient = cloud.client().service_named("links").await.unwrap();
    let mut channel = app.enqueue("greet", None).await.unwrap();
    channel.send(cocaine::msgpack::to_vec("Ada").unwrap()).await.unwrap();
    let mut answer = channel.finish().unwrap();
    let reply = answer.recv().await.unwrap().unwrap();
    cocaine::msgpack::from_slice(&reply).unwrap()
}

#[tokio::test]
async fn worker_is_uploaded_with_schema_and_started() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let program = programs.add("worker", worker::script());
    store(&cloud, "profiles", "patient", &BTreeMap::from([("handshake-timeout", Value::from(60_u8))])).await;
    let args = ["app", "upload", "links", "--program", &program, "--start", "--profile", "patient"];
    let output = run(&cloud, &args);
    let (result, said) = ended(&output, 0);
    assert_eq!((result, said), ("", "links is uploaded\nlinks is started with the profile patient\n"));
    let manifest = manifest(&cloud).await;
    let event = manifest[MANIFEST_KEY].get("events").and_then(|events| events.get("greet")).unwrap();
    assert_eq!(event.get("doc").and_then(Value::as_str), Some("Makes a greeting."));
    assert_eq!(greet(&cloud).await, "Hello, Ada!");

    // The same version again takes the place of the one that runs.
    let output = run(&cloud, &args);
    assert_eq!(ended(&output, 0).0, "", "nothing differs");
    assert_eq!(greet(&cloud).await, "Hello, Ada!");
    let output = run(&cloud, &["app", "check", "links", "--program", &program]);
    assert_eq!(ended(&output, 0), ("", ""));
}

#[tokio::test]
async fn other_keys_and_profiles_stay() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let environment = Value::Map(vec![("A".into(), "1".into())]);
    let former = BTreeMap::from([("slave", Value::from("run.sh")), ("environment", environment.clone())]);
    store(&cloud, "manifests", "links", &former).await;
    let profile = BTreeMap::from([("handshake-timeout", Value::from(60_u8))]);
    store(&cloud, "profiles", "small", &profile).await;
    let before = storage(&cloud).await.read("profiles", "small").await.unwrap();

    let program = programs.add("worker", worker::script());
    let args = ["app", "upload", "links", "--program", &program, "--start", "--profile", "small"];
    ended(&run(&cloud, &args), 0);
    let manifest = manifest(&cloud).await;
    assert_eq!((&manifest["environment"], &manifest["slave"]), (&environment, &"links".into()));
    assert_eq!(storage(&cloud).await.read("profiles", "small").await.unwrap(), before);
    assert!(storage(&cloud).await.read("profiles", "default").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn program_without_schema_is_uploaded_without() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    for (content, limit, reason) in [
        (
            b"#!/no/such/interpreter\n".to_vec(),
            "60",
            "its interpreter \"/no/such/interpreter\" is not on this",
        ),
        (b"#!/bin/sh\nsleep 1000 & sleep 1000".to_vec(), "0.3", "it does not end within 300ms"),
        (b"#!/bin/sh\necho garbage".to_vec(), "60", "what it prints is no schema: "),
        (b"#!/bin/sh\nprintf '\\377'".to_vec(), "60", "what it prints is not text"),
        (b"#!/bin/sh\necho 'usage: worker' >&2; exit 2".to_vec(), "60", "exit status: 2: usage: worker"),
        (b"#!/bin/sh\nkill -9 $$".to_vec(), "60", "signal: 9"),
        (b"#!/bin/sh\nyes".to_vec(), "0.3", "it does not end within 300ms"),
    ] {
        let program = programs.add("program", &content);
        let args = ["app", "upload", "links", "--program", &program, "--describe-timeout", limit];
        let output = run(&cloud, &args);
        let (result, said) = ended(&output, 0);
        assert!(
            result.is_empty() && said.starts_with("no schema: ") && said.contains(reason),
            "{reason}: {said}"
        );
        assert!(said.ends_with("links is uploaded\n"), "{said}");
        assert!(!manifest(&cloud).await.contains_key(MANIFEST_KEY));
    }
}

#[tokio::test]
async fn describing_program_does_not_know_the_cloud() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let script = format!("#!/bin/sh\n[ -z \"$COCAINE_LOCATOR\" ] || exit 9\necho '{}'\n", schema("\"u8\""));
    let program = programs.add("program", script);
    let output = run(&cloud, &["app", "upload", "links", "--program", &program]);
    assert_eq!(ended(&output, 0), ("", "links is uploaded\n"));
    assert!(manifest(&cloud).await.contains_key(MANIFEST_KEY));
}

#[tokio::test]
async fn schema_of_file_wins_over_program() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let file = programs.add("links.json", schema("\"u8\""));
    let program = programs.add("program", "#!/bin/sh\nexit 9\n");
    let output = run(&cloud, &["app", "upload", "links", "--program", &program, "--schema", &file]);
    assert_eq!(ended(&output, 0), ("", "links is uploaded\n"));
    let schema = manifest(&cloud).await[MANIFEST_KEY].clone();
    assert!(schema.get("hash").is_some() && schema.get("events").is_some(), "{schema}");
}
