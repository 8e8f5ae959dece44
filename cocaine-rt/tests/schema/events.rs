//! The schemas of events under `#[cocaine::worker]`.

use std::pin::Pin;

use cocaine::{
    Bytes, Context, Events, Result, Schema, Session, SessionReceiver, SessionSender, Stream, events,
    schema::AppSchema, worker,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// Where a click came from.
#[derive(Debug, Serialize, Deserialize, Schema)]
struct Click {
    from: String,
    #[serde(default)]
    at: u64,
}

/// Has no schema.
#[derive(Debug, Serialize, Deserialize)]
struct Plain {}

type Slug = String;
type Outcome<T> = std::result::Result<T, &'static str>;
type Clicks = SessionReceiver<Click>;

/// Makes a short link.
///
/// The second paragraph.
#[worker(event = "shorten link", inline, cancel)]
async fn shorten(url: Slug, #[allow(unused)] r#type: Option<u32>, _context: Context) -> Outcome<Click> {
    Ok(Click { from: url, at: 0 })
}

#[worker]
async fn clicks((_x, _y): (u8, u8), argument1: Plain) -> Result<impl Stream<Item = Outcome<Click>>> {
    let Plain {} = argument1;
    Ok(futures_util::stream::empty())
}

#[worker]
async fn plain_stream() -> Pin<Box<dyn Stream<Item = Result<Plain>> + Send>> {
    Box::pin(futures_util::stream::empty())
}

#[worker]
async fn import(mut clicks: Clicks) -> u64 {
    let mut count = 0;
    while clicks.recv().await.is_some() {
        count += 1;
    }
    count
}

#[worker]
async fn copy(chunks: SessionReceiver<Bytes>, factor: f64, output: SessionSender<Click>) -> Result<()> {
    drop((chunks, factor, output));
    Ok(())
}

#[worker]
async fn plain_parts(input: SessionReceiver<Plain>, output: SessionSender<Plain>) {
    drop((input, output));
}

#[worker]
async fn plain(value: Plain) -> Vec<Plain> {
    vec![value]
}

#[worker]
async fn raw(session: Session) -> Result<()> {
    session.finish()
}

#[worker]
async fn wide(_: i128) -> Outcome<()> {
    Ok(())
}

fn event_of(events: impl Events) -> Json {
    let json = serde_json::to_value(AppSchema::of(events).unwrap()).unwrap();
    let mut events = json["events"].as_object().unwrap().clone();
    assert_eq!(events.len(), 1);
    let (_, event) = events.iter_mut().next().unwrap();
    event.as_object_mut().unwrap().remove("hash");
    event.clone()
}

#[test]
fn handler_has_name_docs_arguments_and_reply() {
    let schema = AppSchema::of(events![shorten]).unwrap();
    let click = "schema::events::Click";
    let mut json = serde_json::to_value(&schema).unwrap();
    json["events"]["shorten link"].as_object_mut().unwrap().remove("hash");
    let expected = json!({
        "doc": "Makes a short link.\n\nThe second paragraph.",
        "arguments": [{"name": "url", "type": "text"}, {"name": "type", "type": {"option": "u32"}}],
        "output": {"reply": {"named": click}},
    });
    assert_eq!(json["events"], json!({"shorten link": expected}));
    assert_eq!(schema.types.keys().collect::<Vec<_>>(), [click]);
    assert_eq!(schema.types[click].doc, "Where a click came from.");
}

#[test]
fn streams_are_described_in_both_directions() {
    let click = json!({"named": "schema::events::Click"});
    let arguments = json!([
        {"name": "argument1_", "type": {"tuple": ["u8", "u8"]}},
        {"name": "argument1", "type": "opaque"},
    ]);
    assert_eq!(event_of(events![clicks]), json!({"arguments": arguments, "output": {"stream": click}}));
    assert_eq!(event_of(events![plain_stream]), json!({"output": {"stream": "opaque"}}));
    assert_eq!(event_of(events![import]), json!({"input": click, "output": {"reply": "u64"}}));
    let factor = json!([{"name": "factor", "type": "f64"}]);
    assert_eq!(
        event_of(events![copy]),
        json!({"arguments": factor, "input": "bytes", "output": {"stream": click}})
    );
}

#[test]
fn types_without_schema_are_opaque() {
    let value = json!([{"name": "value", "type": "opaque"}]);
    assert_eq!(event_of(events![plain]), json!({"arguments": value, "output": {"reply": "opaque"}}));
    let opaque = json!({"input": "opaque", "output": {"stream": "opaque"}});
    assert_eq!(event_of(events![plain_parts]), opaque);
    assert_eq!(event_of(events![raw]), opaque);
    assert_eq!(event_of(events![wide]), json!({"arguments": [{"name": "argument1", "type": "opaque"}]}));
}

struct Counter(u64);

#[worker]
impl Counter {
    /// Adds.
    async fn add(&self, n: u64) -> Result<Option<Wrapper<Self>>> {
        Ok((n == self.0).then_some(Wrapper(std::marker::PhantomData)))
    }

    #[event(name = "get", inline)]
    async fn value(&self) -> u64 {
        self.0
    }

    #[cfg(any())]
    async fn missing(&self, absent: Absent) {}

    async fn count(&self) -> impl Stream<Item = Outcome<u8>> + use<> {
        futures_util::stream::empty()
    }

    #[event(skip)]
    async fn helper(&self) {}
}

#[derive(Serialize)]
struct Wrapper<T>(std::marker::PhantomData<T>);

#[test]
fn methods_are_described_like_functions() {
    let schema = AppSchema::of((Counter(0), events![import])).unwrap();
    let mut json = serde_json::to_value(&schema).unwrap();
    for event in json["events"].as_object_mut().unwrap().values_mut() {
        event.as_object_mut().unwrap().remove("hash");
    }
    let add =
        json!({"doc": "Adds.", "arguments": [{"name": "n", "type": "u64"}], "output": {"reply": "opaque"}});
    let import = json!({"input": {"named": "schema::events::Click"}, "output": {"reply": "u64"}});
    let others = json!({"add": add, "count": {"output": {"stream": "u8"}}, "get": {"output": {"reply": "u64"}}, "import": import});
    assert_eq!(json["events"], others);
}

#[test]
fn duplicate_events_have_no_schema() {
    let error = AppSchema::of(events![import, import]).unwrap_err().to_string();
    assert!(error.contains("the event `import` has two handlers"), "{error}");
}
