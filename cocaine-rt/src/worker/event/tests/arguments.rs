use super::{Alias, Client, End, ask, ask_broken, listed, packed};
use crate::{
    Bytes, Category, Code, Context, Error, ExecutionMode, Result, Session, SessionReceiver, SessionSender,
    worker,
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
async fn without_arguments_no_chunk_is_waited_for() {
    let mut client = Client::of(events![none]).await;
    client.call("none").await;
    assert_eq!(client.end().await, End::value(&"at once"));
}

#[tokio::test]
async fn one_value_is_the_first_chunk() {
    assert_eq!(ask(events![one], [packed("hi"), packed("more")]).await, End::value(&"hi"));
    assert_eq!(
        ask(events![one], [packed(&7)]).await,
        End::failed("one: argument `message`: expected a text, found an integer at byte 0")
    );
    let nothing = "one: the client closed its stream before it sent the arguments (message)";
    assert_eq!(ask(events![one], []).await, End::failed(nothing));
}

#[tokio::test]
async fn bytes_alone_are_the_chunk_as_it_is() {
    let chunk = Bytes::from(b"\xc1 no MessagePack");
    assert_eq!(ask(events![raw], [chunk.clone()]).await, End::Closed(vec![chunk]));
}

#[tokio::test]
async fn several_values_are_one_array() {
    let full = ("x", Some(1), Some(Bytes::from("y")));
    assert_eq!(ask(events![several], [packed(&("x", 1, "y", "extra"))]).await, End::value(&full));
    assert_eq!(
        ask(events![several], [packed(&("x", (), "y"))]).await,
        End::value(&("x", None::<u8>, Some("y")))
    );
    assert_eq!(ask(events![several], [packed(&["x"])]).await, End::value(&("x", None::<u8>, None::<u8>)));
}

#[tokio::test]
async fn an_array_that_does_not_fit_is_named() {
    let cases = [
        (packed(&[0; 0]), "several: argument `a` is missing"),
        (packed(&("x", "y")), "several: argument `b`: expected an integer, found a text at byte 3"),
        (packed("x"), "several: the arguments (a, b, c): expected an array, found a text at byte 0"),
        (Bytes::from(b"\x91\xa1x\x00"), "several: the arguments (a, b, c): 1 bytes too many at byte 3"),
        (Bytes::new(), "several: the arguments (a, b, c): the input ends at byte 0"),
    ];
    for (chunk, text) in cases {
        assert_eq!(ask(events![several], [chunk]).await, End::failed(text));
    }
}

#[tokio::test]
async fn a_context_goes_with_everything_and_is_no_value() {
    assert_eq!(ask(events![context], [packed(&(2, 3))]).await, End::value(&5));
}

#[tokio::test]
async fn chunks_are_those_after_the_values() {
    assert_eq!(ask(events![sum], [packed(&10), packed(&1), packed(&2)]).await, End::value(&30));
    assert_eq!(
        ask(events![sum], [packed(&10), packed("x")]).await,
        End::failed("sum: a chunk: expected an integer, found a text at byte 0")
    );
}

#[tokio::test]
async fn chunks_and_output_go_together() {
    let chunks = ["a", "b"].map(Bytes::from);
    assert_eq!(ask(events![echo], chunks.clone()).await, End::Closed(chunks.to_vec()));
    assert_eq!(ask(events![count], [packed(&2)]).await, End::Closed(vec![packed(&0), packed(&1)]));
    let late = "count: the client closed its stream before it sent the arguments (to)";
    assert_eq!(ask(events![count], []).await, End::failed(late));
}

#[tokio::test]
async fn a_session_is_the_whole_event() {
    assert_eq!(ask(events![whole], [Bytes::from("x")]).await, End::Closed(vec!["x".into()]));
}

#[tokio::test]
async fn an_error_of_the_client_is_passed_on() {
    let error = Error::service(Code::new(Category(7), 3), "gone");
    assert_eq!(ask_broken(events![one], error.clone()).await, End::Failed(7, 3, "gone".to_owned()));
    assert_eq!(ask_broken(events![sum], error).await, End::Failed(7, 3, "gone".to_owned()));
    assert_eq!(
        ask_broken(events![echo], Error::user(7, "enough")).await,
        End::Failed(43, 7, "enough".to_owned())
    );
}

#[tokio::test]
async fn any_number_of_events_is_listed() {
    assert_eq!(listed(events![]), []);
    let all = listed(events![none, self::one, super::arguments::raw,]);
    assert_eq!(all, ["none", "one", "raw"].map(|name| (name.to_owned(), ExecutionMode::Spawned)));
}
