//! Many connections at once, and the end of a gateway.

use std::{sync::Arc, time::Duration};

use cocaine_node::config::HttpConfig;
use test_support::wait::wait_until;
use tokio::{net::TcpStream, sync::Notify, time::timeout};

use crate::{
    app::{Cloud, Step, text},
    client::{Client, get},
    harness::{SHORT, assert_idle, echoed_request, metric_is, paused_response, read_beginning, start_cloud},
};

#[tokio::test]
async fn thousand_connections_get_their_own_responses() {
    let cloud = start_cloud().await;
    let address = cloud.http_addr();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..1000 {
        clients.spawn(async move {
            let mut client = Client::connect(address).await;
            for round in 0..3 {
                let token = format!("{number}-{round}");
                let request = format!(
                    "POST /app/web?{token} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{token}",
                    token.len()
                );
                let chunk = echoed_request(&client.fetch(request).await);
                assert_eq!((&*chunk.uri, &*chunk.body), (format!("/?{token}").as_bytes(), token.as_bytes()));
            }
        });
    }
    let all = tokio::time::timeout(Duration::from_mins(1), clients.join_all()).await;
    assert_eq!(all.expect("every request is answered").len(), 1000);
}

#[tokio::test]
async fn thousand_idle_connections_are_kept() {
    let mut cloud = start_cloud().await;
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(Client::connect(cloud.http_addr()).await);
    }
    for round in ["one", "two"] {
        for (number, client) in idle.iter_mut().enumerate() {
            let answer = client.fetch(get(&format!("/app/web?{round}-{number}"))).await;
            let chunk = echoed_request(&answer);
            assert_eq!(chunk.uri, format!("/?{round}-{number}").as_bytes());
        }
        assert!(metric_is(&cloud, "client_connections", 1001).await, "one more for the metrics");
    }
    drop(idle);
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn clients_above_the_limit_wait() {
    let config = HttpConfig::default().clients(2);
    let mut cloud = Cloud::start(config).await;
    let (mut first, mut second) =
        (Client::connect(cloud.http_addr()).await, Client::connect(cloud.http_addr()).await);
    first.fetch(get("/app/web?first")).await;
    second.fetch(get("/app/web?second")).await;
    let mut third = Client::connect(cloud.http_addr()).await;
    third.send(get("/app/web?third")).await;
    for _ in 0..50 {
        first.fetch(get("/app/web?again")).await;
    }
    assert_eq!(cloud.drain_events().len(), 52, "the third request is not handled");
    drop(first);
    let answer = third.read_response("GET").await;
    assert_eq!(echoed_request(&answer).uri, "/?third");
    drop((second, third));
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn shutdown_waits_for_requests_in_flight() {
    let mut cloud = start_cloud().await;
    let mut idle = Client::connect(cloud.http_addr()).await;
    idle.fetch(get("/app/web")).await;
    let mut fresh = Client::connect(cloud.http_addr()).await;
    cloud.drain_events();
    let hold = Arc::new(Notify::new());
    cloud.respond([vec![Step::Wait(hold.clone())], text("the last")].concat());
    let mut waiting = Client::connect(cloud.http_addr()).await;
    waiting.send(get("/app/web")).await;
    cloud.next_event().await;
    let (steps, go_on) = paused_response(&[], [Step::Chunk("and ended".into()), Step::Close]);
    cloud.respond(steps);
    let mut reading = Client::connect(cloud.http_addr()).await;
    reading.send(get("/app/web")).await;
    read_beginning(&mut reading, "begun, ").await;

    let ending = tokio::spawn(cloud.shutdown());
    assert!(idle.read_to_end().await.is_empty(), "an idle connection is closed");
    assert!(fresh.read_to_end().await.is_empty(), "an unused connection is closed");
    wait_until("no connection is accepted", async || TcpStream::connect(cloud.http_addr()).await.is_err())
        .await;
    assert!(!ending.is_finished(), "two requests are in flight");
    hold.notify_one();
    let last = waiting.read_response("GET").await;
    assert_eq!((last.text(), last.header("connection")), ("the last", Some("close")));
    assert!(waiting.read_to_end().await.is_empty());
    go_on.notify_one();
    assert_eq!(reading.read_response("GET").await.text(), "begun, and ended");
    assert!(reading.read_to_end().await.is_empty());
    timeout(Duration::from_secs(20), ending).await.expect("the gateway ends").unwrap();
}

#[tokio::test]
async fn shutdown_cuts_requests_at_its_limit() {
    let mut cloud = start_cloud().await;
    let (steps, _go_on) = paused_response(&[], [Step::Close]);
    cloud.respond(steps);
    let mut reading = Client::connect(cloud.http_addr()).await;
    reading.send(get("/app/web")).await;
    read_beginning(&mut reading, "begun, ").await;
    timeout(Duration::from_secs(20), cloud.shutdown_within(SHORT)).await.expect("the gateway ends");
    let rest = reading.read_to_end().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the part does not pass for the whole: {}", rest.escape_ascii());
}

#[tokio::test]
async fn requests_do_not_leak_into_others() {
    let mut cloud = start_cloud().await;
    let address = cloud.http_addr();
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
                            let answer = client.read_response("POST").await;
                            assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
                            let chunk = echoed_request(&answer);
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
    assert_idle(&mut cloud).await;
}
