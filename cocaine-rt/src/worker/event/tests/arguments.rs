use super::{Alias, Client, EventEnd, ask, ask_broken, listed, packed};
use crate::{
    Bytes, Category, Code, Context, Error, ExecutionMode, Result, Session, SessionReceiver, SessionSender,
    events, worker,
};

#[worker]
async fn none() -> &'static str {
    "at once"
}

#[worker]
async fn one(message: String) -> String {
    message
}

#[worker]
async fn raw(chunk: Alias) -> Alias {
    chunk
}

#[worker]
async fn several(a: String, b: Option<u64>, c: Option<Bytes>) -> (String, Option<u64>, Option<Bytes>) {
    (a, b, c)
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Item {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    ratio: f64,
}

#[worker]
async fn scale(item: Item, factor: f64) -> Item {
    Item { ratio: item.ratio * factor, ..item }
}

#[worker]
async fn context(_: Context, (a, b): (u8, u8), _who: Context) -> u8 {
    a + b
}

#[worker]
async fn sum(factor: u64, mut numbers: SessionReceiver<u64>) -> Result<u64> {
    let mut sum = 0;
    while let Some(number) = numbers.recv().await {
        sum += number?;
    }
    Ok(sum * factor)
}

#[worker]
async fn echo(mut chunks: SessionReceiver<Bytes>, mut output: SessionSender<Bytes>) -> Result<()> {
    while let Some(chunk) = chunks.recv().await {
        output.send(chunk?).await?;
    }
    Ok(())
}

#[worker]
async fn count(to: u8, mut output: SessionSender<u8>, _who: Context) -> Result<()> {
    for number in 0..to {
        output.send(number).await?;
    }
    Ok(())
}

#[worker]
async fn whole(mut session: Session, _who: Context) -> Result<()> {
    let chunk = session.recv().await.unwrap()?;
    session.finish_with(chunk)
}

#[tokio::test]
async fn no_arguments_need_no_chunk() {
    let mut client = Client::of(events![none]).await;
    client.call("none").await;
    assert_eq!(client.end().await, EventEnd::value(&"at once"));
}

#[tokio::test]
async fn one_value_is_the_first_chunk() {
    assert_eq!(ask(events![one], [packed("hi"), packed("more")]).await, EventEnd::value(&"hi"));
    assert_eq!(
        ask(events![one], [packed(&7)]).await,
        EventEnd::failed("one: argument `message`: expected a text, found an integer at byte 0")
    );
    let nothing = "one: the client closed its stream before it sent the arguments (message)";
    assert_eq!(ask(events![one], []).await, EventEnd::failed(nothing));
}

#[tokio::test]
async fn bytes_argument_is_the_raw_chunk() {
    let chunk = Bytes::from(b"\xc1 no MessagePack");
    assert_eq!(ask(events![raw], [chunk.clone()]).await, EventEnd::Closed(vec![chunk]));
}

#[tokio::test]
async fn several_values_are_one_array() {
    let full = ("x", Some(1), Some(Bytes::from("y")));
    assert_eq!(ask(events![several], [packed(&("x", 1, "y", "extra"))]).await, EventEnd::value(&full));
    assert_eq!(
        ask(events![several], [packed(&("x", (), "y"))]).await,
        EventEnd::value(&("x", None::<u8>, Some("y")))
    );
    assert_eq!(
        ask(events![several], [packed(&["x"])]).await,
        EventEnd::value(&("x", None::<u8>, None::<u8>))
    );
}

#[tokio::test]
async fn structs_are_read_and_sent_by_name() {
    let expected = EventEnd::Closed(vec![Bytes::from(b"\x82\xa4name\xa1x\xa5ratio\xcb\x40\x00\0\0\0\0\0\0")]);
    let factor = b"\x02";
    for item in [&b"\x82\xa5ratio\x01\xa4name\xa1x"[..], b"\x93\xa1x\xc0\xcb\x3f\xf0\0\0\0\0\0\0"] {
        let chunk = Bytes::from([b"\x92", item, factor].concat());
        assert_eq!(ask(events![scale], [chunk]).await, expected);
    }
    let unnamed = ask(events![scale], [Bytes::from(b"\x92\x81\xa5ratio\x01\x02")]).await;
    assert_eq!(unnamed, EventEnd::failed("scale: argument `item`: missing field `name` at byte 1"));
}

#[tokio::test]
async fn mismatched_array_is_named_in_error() {
    let cases = [
        (packed(&[0; 0]), "several: argument `a` is missing"),
        (packed(&("x", "y")), "several: argument `b`: expected an integer, found a text at byte 3"),
        (packed("x"), "several: the arguments (a, b, c): expected an array, found a text at byte 0"),
        (Bytes::from(b"\x91\xa1x\x00"), "several: the arguments (a, b, c): 1 bytes too many at byte 3"),
        (Bytes::new(), "several: the arguments (a, b, c): the input ends at byte 0"),
    ];
    for (chunk, text) in cases {
        assert_eq!(ask(events![several], [chunk]).await, EventEnd::failed(text));
    }
}

#[tokio::test]
async fn context_combines_with_all_arguments() {
    assert_eq!(ask(events![context], [packed(&(2, 3))]).await, EventEnd::value(&5));
}

#[tokio::test]
async fn receiver_has_the_chunks_after_values() {
    assert_eq!(ask(events![sum], [packed(&10), packed(&1), packed(&2)]).await, EventEnd::value(&30));
    assert_eq!(
        ask(events![sum], [packed(&10), packed("x")]).await,
        EventEnd::failed("sum: a chunk: expected an integer, found a text at byte 0")
    );
}

#[tokio::test]
async fn receiver_and_sender_can_be_combined() {
    let chunks = ["a", "b"].map(Bytes::from);
    assert_eq!(ask(events![echo], chunks.clone()).await, EventEnd::Closed(chunks.to_vec()));
    assert_eq!(ask(events![count], [packed(&2)]).await, EventEnd::Closed(vec![packed(&0), packed(&1)]));
    let late = "count: the client closed its stream before it sent the arguments (to)";
    assert_eq!(ask(events![count], []).await, EventEnd::failed(late));
}

#[tokio::test]
async fn session_is_the_whole_event() {
    assert_eq!(ask(events![whole], [Bytes::from("x")]).await, EventEnd::Closed(vec!["x".into()]));
}

#[tokio::test]
async fn client_error_is_the_handler_error() {
    let error = Error::service(Code::new(Category(7), 3), "gone");
    assert_eq!(ask_broken(events![one], error.clone()).await, EventEnd::Failed(7, 3, "gone".to_owned()));
    assert_eq!(ask_broken(events![sum], error).await, EventEnd::Failed(7, 3, "gone".to_owned()));
    assert_eq!(
        ask_broken(events![echo], Error::user(7, "enough")).await,
        EventEnd::Failed(43, 7, "enough".to_owned())
    );
}

#[tokio::test]
async fn events_macro_lists_any_number() {
    assert_eq!(listed(events![]), []);
    let all = listed(events![none, self::one, super::arguments::raw,]);
    assert_eq!(all, ["none", "one", "raw"].map(|name| (name.to_owned(), ExecutionMode::Spawned)));
}
