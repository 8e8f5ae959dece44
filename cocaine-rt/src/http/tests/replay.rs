//! Recorded requests of the original proxies.

use serde::Deserialize;

use super::*;
use crate::http::RequestChunk;

#[derive(Deserialize)]
struct RecordedRequest {
    scenario: String,
    proxy: String,
    chunk: String,
}

/// The number of recorded requests.
const RECORDED_REQUESTS: usize = 351;

fn recorded() -> Vec<RecordedRequest> {
    let all: Vec<RecordedRequest> = test_support::recording::read_json("http/requests");
    assert_eq!(all.len(), RECORDED_REQUESTS);
    all
}

/// Returns the expected response of `describe_request`: request line, headers and body.
fn describe_chunk(chunk: &RequestChunk) -> (String, Vec<String>, String) {
    // HTTP servers do not see the fragment.
    let uri = String::from_utf8_lossy(&chunk.uri);
    let uri = uri.split('#').next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for (name, value) in &chunk.headers {
        if let Some((name, value)) = super::super::codec::parse_header(name, value.clone()) {
            headers.append(name, value);
        }
    }
    super::super::remove_hop_by_hop(&mut headers);
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii())).collect();
    lines.sort();
    (
        format!("{} {uri}", String::from_utf8_lossy(&chunk.method)),
        lines,
        chunk.body.escape_ascii().to_string(),
    )
}

#[tokio::test(start_paused = true)]
async fn recorded_requests_reach_service_and_listener() {
    let app = Router::new().fallback(any(describe_request));
    let mut worker = worker().http("service", app.clone());
    tokio::spawn(axum::serve(worker.listen("listener"), app).into_future());
    let mut node = Node::start(worker).await;
    for (id, recorded) in (2..).step_by(2).zip(recorded()) {
        let name = format!("{}/{}", recorded.proxy, recorded.scenario);
        let chunk: Bytes = test_support::hex::decode(&recorded.chunk).into();
        let (line, headers, body) = describe_chunk(&RequestChunk::decode(&chunk).unwrap());
        for (id, event) in [(id, "service"), (id + 1, "listener")] {
            let (status, _, answer) = node.request(id, event, &chunk).await.http();
            assert_eq!(status, 200, "{name} {event}");
            if line.starts_with("HEAD") {
                continue;
            }
            let answer = String::from_utf8(answer).unwrap();
            let (head, arrived) = answer.split_once("\n\n").unwrap();
            let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
            assert_eq!(lines.remove(0), line, "{name} {event}");
            if event == "listener" {
                lines.retain(|line| line != "connection: close" && line != "host: ");
            }
            lines.sort();
            let own = |line: &String| {
                !(event == "listener" && (line.starts_with("content-length") || line.starts_with("expect")))
            };
            lines.retain(own);
            let expected: Vec<_> = headers.iter().filter(|line| own(line)).cloned().collect();
            assert_eq!(lines, expected, "{name} {event}");
            assert_eq!(arrived, body, "{name} {event}");
        }
    }
}
