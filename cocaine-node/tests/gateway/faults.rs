//! Clients that dawdle, leave or do not read, apps that fail or are gone, and the end of the gateway.

use std::{future::Future, sync::Arc, time::Duration};

use cocaine_node::{config::HttpConfig, gateway::Gateway};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Notify, time::timeout};

use crate::{
    app::{Cloud, Step, head, text},
    client::{Answer, Client, ask, get},
};

/// A client's patience that a test can wait for.
const SHORT: Duration = Duration::from_millis(300);

async fn cloud() -> Cloud {
    Cloud::start(HttpConfig::default()).await
}

async fn hasty() -> Cloud {
    Cloud::start(HttpConfig::default().client_timeout(SHORT)).await
}

/// Returns the steps of an answer that begins, and goes on when it is told to.
fn held(headers: &[(&str, &str)], rest: impl Into<Vec<Step>>) -> (Vec<Step>, Arc<Notify>) {
    let hold = Arc::new(Notify::new());
    let begin = [Step::Chunk(head(200, headers)), Step::Chunk("begun, ".into()), Step::Wait(hold.clone())];
    ([begin.to_vec(), rest.into()].concat(), hold)
}

/// Waits until a condition holds.
async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("{what}: never"));
}

/// Returns whether a metric has a value.
async fn counts(cloud: &Cloud, name: &str, value: usize) -> bool {
    let line = format!("cocaine_gateway_{name} {value}");
    ask(cloud.http(), get("/metrics")).await.text().lines().any(|found| found == line)
}

/// Checks that nothing is left of any request, and that the gateway still answers.
async fn settled(cloud: &mut Cloud) {
    // The request for the metrics counts itself.
    until("no request is in flight", async || counts(cloud, "in_flight", 1).await).await;
    until("no client is connected", async || counts(cloud, "clients", 1).await).await;
    cloud.all_asked();
    cloud.answer(text("as ever"));
    assert_eq!(ask(cloud.http(), get("/app/web")).await.text(), "as ever");
}

/// Reads the beginning of an answer: its head, and these words.
async fn begun(client: &mut Client, words: &str) {
    let read = client.until(words.as_bytes()).await;
    assert_eq!(&read[8..17], b" 200 OK\r\n", "{}", read.escape_ascii());
}

#[tokio::test]
async fn slow_heads_end_the_connection() {
    let mut cloud = hasty().await;
    for begin in ["", "G", "GET /app/web HTTP/1.1\r\n", "GET /app/web HTTP/1.1\r\nHost: h\r\nX: y"] {
        let mut client = Client::connect(cloud.http()).await;
        client.send(begin).await;
        let rest = client.rest().await;
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408 "), "{begin:?}: {}", rest.escape_ascii());
    }
    let mut idle = Client::connect(cloud.http()).await;
    idle.ask(get("/app/web")).await;
    assert!(idle.rest().await.is_empty(), "an idle connection ends too");
    let mut dribbling = Client::connect(cloud.http()).await;
    dribbling.send("GET /app/web HTTP/1.1\r\nHost: h\r\nX: ").await;
    dribble(&mut dribbling.stream).await;
    assert_eq!(cloud.all_asked().len(), 1);
    settled(&mut cloud).await;
}

/// Sends a byte now and then, until the connection has ended.
async fn dribble(stream: &mut TcpStream) {
    let sends = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), sends).await.expect("the connection ends");
}

#[tokio::test]
async fn slow_bodies_are_refused() {
    let mut cloud = hasty().await;
    for (headers, begin) in [
        ("Content-Length: 10\r\n", ""),
        ("Content-Length: 10\r\n", "hello"),
        ("Content-Length: 10\r\nExpect: 100-continue\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhel"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
    ] {
        let mut client = Client::connect(cloud.http()).await;
        client.send(format!("POST /app/web HTTP/1.1\r\nHost: h\r\n{headers}\r\n{begin}")).await;
        let mut answer = client.answer("POST").await;
        if answer.status == 100 {
            answer = client.answer("POST").await;
        }
        assert_eq!(answer.status, 408, "{headers:?}");
        assert!(answer.text().contains("the body of the request is too slow"), "{}", answer.text());
        assert!(client.rest().await.is_empty(), "{headers:?}: the connection ends");
    }
    let mut client = Client::connect(cloud.http()).await;
    client.send("POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n").await;
    dribble(&mut client.stream).await;
    assert!(cloud.all_asked().is_empty());
    settled(&mut cloud).await;
}

#[tokio::test]
async fn who_leaves_early_leaves_nothing_behind() {
    let mut cloud = cloud().await;
    for part in [
        "",
        "POST /app",
        "POST /app/web HTTP/1.1\r\nHost: h\r\n",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhello",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        for _ in 0..3 {
            Client::connect(cloud.http()).await.send(part).await;
        }
    }
    settled(&mut cloud).await;
    assert_eq!(cloud.all_asked().len(), 1, "a part of a request is no event");

    let hold = Arc::new(Notify::new());
    cloud.answer([vec![Step::Wait(hold.clone())], text("too late")].concat());
    let mut waiting = Client::connect(cloud.http()).await;
    waiting.send(get("/app/web")).await;
    cloud.asked().await;
    drop(waiting);
    hold.notify_one();
    settled(&mut cloud).await;

    let (steps, hold) = held(&[], [Step::Flood(8 << 20), Step::Close]);
    cloud.answer(steps);
    let mut reading = Client::connect(cloud.http()).await;
    reading.send(get("/app/web")).await;
    begun(&mut reading, "begun, ").await;
    drop(reading);
    hold.notify_one();
    cloud.flooded().await;
    settled(&mut cloud).await;
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_others_go_on() {
    let config = HttpConfig::default().response_buffer(1 << 20).client_timeout(SHORT);
    let mut cloud = Cloud::start(config).await;
    cloud.answer([Step::Chunk(head(200, &[])), Step::Flood(64 << 20), Step::Close]);
    let mut deaf = Client::connect(cloud.http()).await;
    deaf.send(get("/app/flood")).await;
    cloud.asked().await;
    cloud.flooded().await;
    for _ in 0..10 {
        assert_eq!(ask(cloud.http(), get("/app/web")).await.status, 200, "others are answered");
    }
    // The client is still there, and has not read a byte.
    settled(&mut cloud).await;
    let taken = deaf.next("GET", false).await.unwrap_err();
    assert!(taken.contains("without an end"), "{taken}");
}

#[tokio::test]
async fn a_slow_reader_of_what_is_buffered_gets_all() {
    let config = HttpConfig::default().response_buffer(65 << 20);
    let mut cloud = Cloud::start(config).await;
    cloud.answer([Step::Chunk(head(200, &[])), Step::Flood(64 << 20), Step::Close]);
    let mut slow = Client::connect(cloud.http()).await;
    slow.send(get("/app/flood")).await;
    // All has left the app before the client reads.
    assert!(cloud.flooded().await);
    assert_eq!(slow.answer("GET").await.body.len(), 64 << 20);
    drop(slow);
    settled(&mut cloud).await;
}

/// Returns what a client gets of an answer that has begun when the app fails.
async fn broken(
    cloud: &mut Cloud,
    headers: &[(&str, &str)],
    version: &str,
    end: Step,
) -> Result<Answer, String> {
    let (steps, hold) = held(headers, [end]);
    cloud.answer(steps);
    let mut client = Client::connect(cloud.http()).await;
    client.send(format!("GET /app/web HTTP/{version}\r\nHost: h\r\n\r\n")).await;
    if version == "1.1" || !headers.is_empty() {
        begun(&mut client, "begun, ").await;
    }
    hold.notify_one();
    let answer = client.next("GET", version == "1.0").await;
    if answer.is_err() {
        client.ended().await;
    }
    answer
}

#[tokio::test]
async fn an_answer_that_fails_is_never_taken_for_whole() {
    let mut cloud = cloud().await;
    let error = |category, code, text: &str| Step::Error(category, code, text.into());
    for end in [
        error(42, 7, "on purpose"),
        error(5, 2, "slave has been discarded"),
        error(12, 105, "too much is unread"),
        error(0x52FF, 1, "queue is full"),
    ] {
        let cut = broken(&mut cloud, &[], "1.1", end.clone()).await.unwrap_err();
        assert!(cut.contains("without an end"), "{end:?}: {cut}");
        for version in ["1.0", "1.1"] {
            let cut =
                broken(&mut cloud, &[("content-length", "100")], version, end.clone()).await.unwrap_err();
            assert!(cut.contains("fewer bytes"), "{end:?}: {cut}");
        }
        // A client of HTTP/1.0 was sent nothing yet.
        let told = broken(&mut cloud, &[], "1.0", end.clone()).await.unwrap();
        assert_eq!(told.status, 500, "{end:?}");
    }
    let cut = broken(&mut cloud, &[("content-length", "100")], "1.1", Step::Close).await.unwrap_err();
    assert!(cut.contains("fewer bytes"), "{cut}");
    settled(&mut cloud).await;
}

#[tokio::test]
async fn an_app_that_is_silent_is_late() {
    let config = HttpConfig::default().timeout(SHORT);
    let mut cloud = Cloud::start(config).await;
    let (silent, begin) =
        (Arc::new(Notify::new()), [Step::Chunk(head(200, &[])), Step::Chunk("begun, ".into())]);
    cloud.answer([Step::Wait(silent.clone())]);
    let late = ask(cloud.http(), get("/app/web")).await;
    assert_eq!(late.status, 504);
    assert!(late.text().contains("Timed out while waiting for response from the Cocaine"), "{}", late.text());
    cloud.answer([&begin[..], &[Step::Wait(silent.clone())]].concat());
    let mut client = Client::connect(cloud.http()).await;
    client.send(get("/app/web")).await;
    assert!(client.next("GET", false).await.unwrap_err().contains("without an end"));
    cloud.answer([&begin[..], &[Step::Wait(silent)]].concat());
    let mut client = Client::connect(cloud.http()).await;
    client.send("GET /app/web HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.next("GET", true).await.unwrap().status, 504, "nothing was sent on 1.0");
    settled(&mut cloud).await;
}

#[tokio::test]
async fn an_app_may_die_stop_and_start() {
    let mut cloud = cloud().await;
    let never = Arc::new(Notify::new());
    cloud.answer([Step::Wait(never)]);
    let mut waiting = Client::connect(cloud.http()).await;
    waiting.send(get("/app/web")).await;
    cloud.asked().await;
    let (steps, _hold) = held(&[], [Step::Close]);
    cloud.answer(steps);
    let mut reading = Client::connect(cloud.http()).await;
    reading.send(get("/app/web")).await;
    begun(&mut reading, "begun, ").await;

    cloud.kill_app();
    let lost = waiting.answer("GET").await;
    assert_eq!((lost.status, lost.text().contains("connection lost")), (502, true), "{}", lost.text());
    assert!(reading.next("GET", false).await.unwrap_err().contains("without an end"));
    let gone = ask(cloud.http(), get("/app/web")).await;
    assert_eq!((gone.status, gone.text().contains("cannot connect")), (503, true), "{}", gone.text());

    cloud.stop_app();
    let stopped = ask(cloud.http(), get("/app/web")).await;
    assert_eq!((stopped.status, stopped.text().contains("service is not available")), (503, true));
    cloud.start_app().await;
    // Whoever could not be reached is tried again after a while that grows to two seconds.
    until("the app is back", async || ask(cloud.http(), get("/app/web")).await.status == 200).await;
    drop((waiting, reading));
    settled(&mut cloud).await;
}

#[tokio::test]
async fn without_a_locator_what_is_connected_goes_on() {
    let mut cloud = cloud().await;
    assert_eq!(ask(cloud.http(), get("/ping")).await.text(), "OK\n");
    assert_eq!(ask(cloud.http(), get("/app/web")).await.status, 200);
    cloud.kill_locator();
    let ping = ask(cloud.http(), get("/ping")).await;
    assert_eq!((ping.status, ping.text().starts_with("Failed: ")), (503, true), "{}", ping.text());
    assert_eq!(ask(cloud.http(), get("/app/web")).await.status, 200);
    let unknown = ask(cloud.http(), get("/other/web")).await;
    assert_eq!(
        (unknown.status, unknown.text().contains("no locator answers")),
        (503, true),
        "{}",
        unknown.text()
    );
    settled(&mut cloud).await;
}

#[tokio::test]
async fn a_gateway_may_come_before_its_cloud() {
    let config = HttpConfig::default().listen("127.0.0.1:0");
    let gateway = Gateway::start("127.0.0.1:1", &config).await.unwrap();
    for (path, cause) in [("/ping", "Failed: "), ("/app/web", "service `app`, event `web`: cannot connect")] {
        let answer = ask(gateway.local_addr(), get(path)).await;
        assert_eq!((answer.status, answer.text().starts_with(cause)), (503, true), "{}", answer.text());
    }
    gateway.shutdown().await;
    let error = Gateway::start("localhost:99999", &config).await.unwrap_err().to_string();
    assert!(error.starts_with("locators: ") && error.contains("localhost:99999"), "{error}");
}

#[tokio::test]
async fn a_thousand_idle_connections_are_kept() {
    let mut cloud = cloud().await;
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(Client::connect(cloud.http()).await);
    }
    for round in ["one", "two"] {
        for (number, client) in idle.iter_mut().enumerate() {
            let answer = client.ask(get(&format!("/app/web?{round}-{number}"))).await;
            let chunk = cocaine::http::RequestChunk::read(&answer.body.into()).unwrap();
            assert_eq!(chunk.uri, format!("/?{round}-{number}").as_bytes());
        }
        assert!(counts(&cloud, "clients", 1001).await, "one asks for the metrics");
    }
    drop(idle);
    settled(&mut cloud).await;
}

#[tokio::test]
async fn further_clients_wait() {
    let config = HttpConfig::default().clients(2);
    let mut cloud = Cloud::start(config).await;
    let (mut first, mut second) = (Client::connect(cloud.http()).await, Client::connect(cloud.http()).await);
    first.ask(get("/app/web?first")).await;
    second.ask(get("/app/web?second")).await;
    let mut third = Client::connect(cloud.http()).await;
    third.send(get("/app/web?third")).await;
    for _ in 0..50 {
        first.ask(get("/app/web?again")).await;
    }
    assert_eq!(cloud.all_asked().len(), 52, "the third is not heard");
    drop(first);
    let answer = third.answer("GET").await;
    assert_eq!(cocaine::http::RequestChunk::read(&answer.body.into()).unwrap().uri, "/?third");
    drop((second, third));
    settled(&mut cloud).await;
}

#[tokio::test]
async fn a_gateway_ends_with_its_last_answer() {
    let mut cloud = cloud().await;
    let mut idle = Client::connect(cloud.http()).await;
    idle.ask(get("/app/web")).await;
    let mut fresh = Client::connect(cloud.http()).await;
    cloud.all_asked();
    let hold = Arc::new(Notify::new());
    cloud.answer([vec![Step::Wait(hold.clone())], text("the last")].concat());
    let mut waiting = Client::connect(cloud.http()).await;
    waiting.send(get("/app/web")).await;
    cloud.asked().await;
    let (steps, go_on) = held(&[], [Step::Chunk("and ended".into()), Step::Close]);
    cloud.answer(steps);
    let mut reading = Client::connect(cloud.http()).await;
    reading.send(get("/app/web")).await;
    begun(&mut reading, "begun, ").await;

    let ending = tokio::spawn(cloud.shutdown());
    assert!(idle.rest().await.is_empty(), "who is idle is let go");
    assert!(fresh.rest().await.is_empty(), "who has not asked is let go");
    until("nobody is accepted", async || TcpStream::connect(cloud.http()).await.is_err()).await;
    assert!(!ending.is_finished(), "two requests run");
    hold.notify_one();
    let last = waiting.answer("GET").await;
    assert_eq!((last.text(), last.header("connection")), ("the last", Some("close")));
    assert!(waiting.rest().await.is_empty());
    go_on.notify_one();
    assert_eq!(reading.answer("GET").await.text(), "begun, and ended");
    assert!(reading.rest().await.is_empty());
    timeout(Duration::from_secs(20), ending).await.expect("the gateway ends").unwrap();
}

#[tokio::test]
async fn nothing_of_one_request_is_in_another() {
    let mut cloud = cloud().await;
    let address = cloud.http();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0_usize..200 {
        clients.spawn(async move {
            let id = format!("{:016x}", number + 1);
            let token = format!("token-{number}-").repeat(1 + number % 7);
            let request = format!(
                "POST /app/web?{number} HTTP/1.1\r\nHost: h\r\nX-Request-Id: {id}\r\nX-Token: {token}\r\n\
                 Content-Length: {}\r\n\r\n{token}",
                token.len()
            );
            for round in 0..5 {
                let mut client = Client::connect(address).await;
                match (number + round) % 4 {
                    0 => client.send(&request.as_bytes()[..request.len() - 1]).await,
                    1 => client.send(&request).await,
                    _ => {
                        client.send(request.repeat(3)).await;
                        for _ in 0..3 {
                            let answer = client.answer("POST").await;
                            assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
                            let chunk = cocaine::http::RequestChunk::read(&answer.body.into()).unwrap();
                            let own = chunk.headers.iter().find(|(name, _)| *name == "X-Token").unwrap();
                            assert_eq!(
                                (&chunk.body, &own.1),
                                (&token.as_str().into(), &token.as_str().into())
                            );
                            assert_eq!(chunk.uri, format!("/?{number}").as_bytes());
                        }
                    }
                }
            }
        });
    }
    clients.join_all().await;
    settled(&mut cloud).await;
}
