//! `WORKER --describe`, of real processes: this program is the worker too, if it is started so.

use std::{
    env,
    process::{Command, Output, Stdio},
};

use cocaine::{
    Client, Result, Session, Worker, events,
    schema::{AppSchema, Definitions, Schema, Type},
};
use serde_json::{Value as Json, json};

/// Names the worker that the process is.
const ROLE: &str = "COCAINE_TEST_ROLE";

/// Answers "hello".
///
/// And "\\", \t and ü.
#[cocaine::worker]
async fn greet(name: String, times: Option<u8>) -> Vec<String> {
    vec![name; times.unwrap_or(1).into()]
}

/// An option within an option, and so on.
#[derive(serde::Serialize, serde::Deserialize)]
struct Deep;

impl Schema for Deep {
    fn schema(_definitions: &mut Definitions) -> Type {
        (0..30).fold(Type::U8, |inner, _| Type::Option(Box::new(inner)))
    }
}

#[derive(serde::Serialize, cocaine::Schema)]
struct Around {
    deep: Vec<Deep>,
}

#[cocaine::worker]
async fn dive(to: Deep) {
    let Deep = to;
}

#[cocaine::worker]
async fn surface() -> Around {
    Around { deep: Vec::new() }
}

struct Shelf(Vec<String>);

#[cocaine::worker]
impl Shelf {
    /// Returns the books.
    async fn books(&self) -> Vec<String> {
        self.0.clone()
    }
}

fn main() -> Result<()> {
    let Ok(role) = env::var(ROLE) else {
        schema_is_printed_without_a_cloud();
        handlers_without_types_are_described();
        events_are_described_before_they_are_made();
        closed_output_is_an_error();
        deep_schema_names_event_and_type();
        missing_arguments_mention_the_description();
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve(&role))
}

async fn serve(role: &str) -> Result<()> {
    let worker = Worker::from_args()?;
    let session = |session: Session| async move { session.finish() };
    match role {
        "greeter" => worker.serve(events![greet]).await,
        "diver" => worker.serve(events![greet, dive]).await,
        "surfacer" => worker.serve(events![greet, surface]).await,
        "shelf" => {
            let open = async |cloud: &Client| {
                let books = cloud.dynamic("storage").await?.call("find", ("books", ["book"])).await?;
                Ok((Shelf(books), events![greet]))
            };
            worker.serve_with(open).await
        }
        "untyped" => worker.on("raw", session).fallback(session).serve(events![greet]).await,
        #[cfg(feature = "axum")]
        "web" => {
            let router = axum::Router::new();
            let mut worker = worker.http("page", router.clone()).http_fallback(router.clone());
            let server =
                axum::serve(worker.listen("site"), router).with_graceful_shutdown(worker.terminated());
            let server = tokio::spawn(server.into_future());
            worker.serve(events![]).await?;
            server.await.unwrap().unwrap();
            Ok(())
        }
        other => panic!("{other} is no worker"),
    }
}

fn command(role: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ROLE, role).arg("--describe");
    command
}

fn printed(role: &str) -> String {
    let Output { status, stdout, stderr } = command(role).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(status.success() && stderr.is_empty(), "{status}: {stderr}");
    String::from_utf8(stdout).unwrap()
}

fn refusal(mut command: Command) -> String {
    let Output { status, stderr, .. } =
        command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(status.code(), Some(1));
    String::from_utf8(stderr).unwrap()
}

fn events_are_described_before_they_are_made() {
    let books = json!({"doc": "Returns the books.", "output": {"reply": {"list": "text"}}});
    let events = json!({"books": books, "greet": greeting()});
    assert_eq!(described("shelf"), json!({"schema": 1, "events": events}));
}

/// Returns the schema that a worker prints, without hashes.
fn described(role: &str) -> Json {
    let mut json: Json = serde_json::from_str(&printed(role)).unwrap();
    json.as_object_mut().unwrap().remove("hash");
    for event in json["events"].as_object_mut().unwrap().values_mut() {
        event.as_object_mut().unwrap().remove("hash");
    }
    json
}

fn greeting() -> Json {
    json!({
        "doc": "Answers \"hello\".\n\nAnd \"\\\\\", \\t and ü.",
        "arguments": [{"name": "name", "type": "text"}, {"name": "times", "type": {"option": "u8"}}],
        "output": {"reply": {"list": "text"}},
    })
}

fn schema_is_printed_without_a_cloud() {
    let schema = AppSchema::of(events![greet]).unwrap();
    let text = printed("greeter");
    assert_eq!(text, serde_json::to_string_pretty(&schema).unwrap() + "\n");
    assert_eq!(serde_json::from_str::<AppSchema>(&text).unwrap(), schema);
    assert_eq!(described("greeter"), json!({"schema": 1, "events": {"greet": greeting()}}));
}

fn handlers_without_types_are_described() {
    let raw = json!({"input": "opaque", "output": {"stream": "opaque"}});
    let events = json!({"greet": greeting(), "raw": raw});
    assert_eq!(described("untyped"), json!({"schema": 1, "events": events, "fallback": "call"}));
    if cfg!(feature = "axum") {
        let events = json!({"page": {"kind": "http"}, "site": {"kind": "http"}});
        assert_eq!(described("web"), json!({"schema": 1, "events": events, "fallback": "http"}));
    }
}

fn closed_output_is_an_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command("greeter");
    command.stdout(writer);
    let refusal = refusal(command);
    assert!(refusal.contains("cannot print the schema: Broken pipe"), "{refusal}");
}

fn deep_schema_names_event_and_type() {
    let expected = "the schema of the event `dive`: the type option<option<";
    let own = refusal(command("diver"));
    assert!(own.contains(expected) && own.contains("… is nested deeper than a manifest can hold"), "{own}");
    let defined = refusal(command("surfacer"));
    assert!(
        defined.contains("the schema of the event `surface`: the type describe::Around is nested"),
        "{defined}"
    );
}

fn missing_arguments_mention_the_description() {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ROLE, "greeter");
    let refusal = refusal(command);
    assert!(refusal.contains("--app is missing."), "{refusal}");
    assert!(refusal.contains("With --describe alone it prints the schema of the app"), "{refusal}");
}
