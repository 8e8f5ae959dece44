//! What the tests share: clouds, paused responses, and the state of the gateway.

use std::{sync::Arc, time::Duration};

use cocaine::http::RequestChunk;
use cocaine_node::config::HttpConfig;
use test_support::wait::wait_until;
use tokio::sync::Notify;

use crate::{
    app::{Cloud, Step, head, text},
    client::{Client, Response, fetch, get},
};

/// A time-out that a test can wait for.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

/// Starts a cloud whose gateway has the default settings.
pub(crate) async fn start_cloud() -> Cloud {
    Cloud::start(HttpConfig::default()).await
}

/// Starts a cloud whose gateway waits for clients only for [`SHORT`].
pub(crate) async fn start_impatient_cloud() -> Cloud {
    let config = HttpConfig::default().client_timeout(SHORT).header_timeout(SHORT).idle_timeout(SHORT);
    Cloud::start(config).await
}

/// Returns the request that the app received, from a response that echoes it.
pub(crate) fn echoed_request(response: &Response) -> RequestChunk {
    assert_eq!(response.status, 200, "{}", response.text());
    RequestChunk::decode(&response.body.clone().into()).unwrap()
}

/// Returns the steps of a response that pauses after its beginning, and the signal that resumes it.
pub(crate) fn paused_response(
    headers: &[(&str, &str)],
    rest: impl Into<Vec<Step>>,
) -> (Vec<Step>, Arc<Notify>) {
    let resume = Arc::new(Notify::new());
    let begin = [Step::Chunk(head(200, headers)), Step::Chunk("begun, ".into()), Step::Wait(resume.clone())];
    ([begin.to_vec(), rest.into()].concat(), resume)
}

/// Reads the head of a response with the status 200, and the beginning of its body.
pub(crate) async fn read_beginning(client: &mut Client, body: &str) {
    let read = client.read_until(body.as_bytes()).await;
    assert_eq!(&read[8..17], b" 200 OK\r\n", "{}", read.escape_ascii());
}

/// Returns whether a metric of the gateway has a value.
pub(crate) async fn metric_is(cloud: &Cloud, name: &str, value: usize) -> bool {
    let line = format!("cocaine_gateway_{name} {value}");
    fetch(cloud.http_addr(), get("/metrics")).await.text().lines().any(|found| found == line)
}

/// Checks that no earlier request is in flight any more, and that the gateway still answers.
pub(crate) async fn assert_idle(cloud: &mut Cloud) {
    // The request for the metrics counts itself.
    wait_until("no request is in flight", async || metric_is(cloud, "in_flight_requests", 1).await).await;
    wait_until("no client is connected", async || metric_is(cloud, "client_connections", 1).await).await;
    cloud.drain_events();
    cloud.respond(text("as ever"));
    assert_eq!(fetch(cloud.http_addr(), get("/app/web")).await.text(), "as ever");
}
