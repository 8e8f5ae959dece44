//! Every recording once more, with the gateway in the place of the original proxies.

use std::{collections::BTreeSet, time::Duration};

use cocaine::{Value, http::RequestChunk, msgpack};
use cocaine_node::config::HttpConfig;

use crate::{
    app::{Cloud, ReceivedEvent, Step},
    client::{Client, Response},
    expected::{ANSWERS, EXCHANGES, NOT_ASKED, Ours},
    recording::{Call, Conn, Exchange, answers, exchanges},
};

/// What the gateway adds to an answer, unless the worker has said it.
const ADDED: [&str; 6] =
    ["connection", "content-length", "date", "transfer-encoding", "x-cocaine-application", "x-request-id"];

/// What goes no further than one connection, or is meant for the gateway.
const HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-cocaine-http-proto-version",
];

type Pairs = Vec<(String, Vec<u8>)>;

/// The whole answer of a worker that keeps the rules.
struct Said {
    status: u16,
    headers: Pairs,
    body: Vec<u8>,
}

/// Two clouds: the gateway of the second waits for an app for a moment only.
struct Clouds {
    patient: Cloud,
    hasty: Cloud,
}

impl Clouds {
    async fn start() -> Self {
        let names = ["app", "httpraw", "httppy", "httpfull", "httpgroup", "httpdead"];
        // The originals believe whatever a client says of others.
        let trusting = HttpConfig::default().trusted_proxies(["127.0.0.1"]);
        let hasty = trusting.clone().timeout(Duration::from_millis(300));
        Self { patient: Cloud::with(trusting, &names).await, hasty: Cloud::with(hasty, &names).await }
    }

    fn of<'a>(&mut self, mut calls: impl Iterator<Item = &'a Call>) -> &mut Cloud {
        if calls.all(Call::is_ended) { &mut self.patient } else { &mut self.hasty }
    }
}

#[tokio::test]
async fn recorded_replies_become_valid_http() {
    let mut clouds = Clouds::start().await;
    let (mut used, mut wrong, mut count) = (BTreeSet::new(), Vec::new(), 0);
    for exchange in exchanges() {
        // What a worker said before it died is the beginning of what the proxy was told.
        for call in exchange.calls.iter().filter(|call| !call.worker) {
            let steps = call.steps();
            if steps.is_empty() {
                continue;
            }
            count += 1;
            let tries = if steps.iter().any(is_retried) { 3 } else { 1 };
            let is_head = call.request().is_some_and(|chunk| chunk.windows(4).any(|part| part == b"HEAD"));
            let method = if is_head { "HEAD" } else { "GET" };
            let row = ANSWERS.iter().position(|row| row.scenarios.contains(&exchange.scenario.as_str()));
            for version in ["1.0", "1.1"] {
                // Whoever is refused connects anew, after a while that grows.
                let mut fresh = if tries > 1 { Some(Clouds::start().await) } else { None };
                let cloud = fresh.as_mut().unwrap_or(&mut clouds).of(std::iter::once(call));
                for _ in 0..3 {
                    cloud.respond(steps.clone());
                }
                let request = format!("{method} /app/replay HTTP/{version}\r\nHost: h\r\n\r\n");
                let answer = last_words(cloud, request.as_bytes()).await.map(|mut all| all.pop());
                let asked = cloud.drain_events().len();
                if asked != tries {
                    wrong.push(format!("{}: {tries} tries are {asked}", exchange.name()));
                }
                let answer = answer.and_then(|answer| answer.ok_or_else(|| "no answer".to_owned()));
                let plain = said(&steps, method).ok_or_else(|| "not a plain answer".to_owned());
                let plain = plain.and_then(|said| as_said(&said, answer.clone()));
                let found = match row {
                    Some(row) if plain.is_err() => {
                        used.insert((row, exchange.scenario.clone()));
                        as_expected(&ANSWERS[row].ours, answer, version)
                    }
                    // One side of a recording may be plain.
                    _ => plain,
                };
                if let Err(text) = found {
                    wrong.push(format!("{} HTTP/{version}: {text}", exchange.name()));
                }
            }
        }
    }
    for (at, row) in ANSWERS.iter().enumerate() {
        for scenario in row.scenarios {
            if !used.contains(&(at, (*scenario).to_owned())) {
                wrong.push(format!("{scenario}: the table has it, but it is plain"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count, 358);
}

#[tokio::test]
async fn recorded_requests_are_answered_as_expected() {
    let mut clouds = Clouds::start().await;
    let (mut used, mut wrong) = (BTreeSet::new(), Vec::new());
    for exchange in exchanges() {
        let cloud = clouds.of(exchange.calls.iter().filter(|call| !call.worker));
        cloud.drain_events();
        for call in exchange.calls.iter().filter(|call| !call.worker) {
            cloud.respond(call.steps());
        }
        let theirs: Result<Vec<_>, _> = exchange.conns.iter().map(Conn::statuses).collect();
        let theirs = theirs.map(|statuses| statuses.concat());
        let mut ours = Vec::new();
        for conn in &exchange.conns {
            match last_words(cloud, &conn.sent()).await {
                Ok(answers) => ours.extend(answers.iter().map(|answer| answer.status)),
                Err(text) => wrong.push(format!("{}: {text}", exchange.name())),
            }
        }
        let asked = cloud.drain_events();
        let row = EXCHANGES.iter().position(|row| row.is_of(&exchange.scenario, &exchange.proxy));
        match row {
            None if theirs.as_ref() != Ok(&ours) => {
                wrong.push(format!("{}: was {theirs:?}, is {ours:?}, no row", exchange.name()));
            }
            None => {}
            Some(at) => {
                used.insert((at, exchange.scenario.clone()));
                let row = &EXCHANGES[at];
                if row.ours != ours {
                    wrong.push(format!(
                        "{}: {:?}, since {}, is {ours:?}",
                        exchange.name(),
                        row.ours,
                        row.why
                    ));
                }
                if theirs.as_ref() == Ok(&ours) {
                    wrong.push(format!("{}: nothing is different, but there is a row", exchange.name()));
                }
            }
        }
        if exchange.scenario == NOT_ASKED {
            assert!(asked.is_empty());
        } else if exchange.proxy == "rust" && row.is_none() {
            wrong.extend(requests(&exchange, &asked));
        }
    }
    for (at, row) in EXCHANGES.iter().enumerate() {
        for scenario in row.scenarios {
            if !used.contains(&(at, (*scenario).to_owned())) {
                wrong.push(format!("{scenario}: the table has it, but no recording is it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Sends bytes and nothing more, and returns all answers.
async fn last_words(cloud: &Cloud, sent: &[u8]) -> Result<Vec<Response>, String> {
    let mut client = Client::connect(cloud.http_addr()).await;
    client.send(sent).await;
    client.close_sending_side().await;
    answers(sent, &client.read_to_end().await)
}

/// Returns whether this says that the event was not taken.
fn is_retried(step: &Step) -> bool {
    matches!(step, Step::Error(0x52FF, 1, _) | Step::Error(12, 32, _))
}

/// Returns what the worker says, if it keeps all rules: a status, pairs of a name and a value, a body of that length.
fn said(steps: &[Step], method: &str) -> Option<Said> {
    let mut chunks = Vec::new();
    for step in steps {
        if let Step::Chunk(chunk) = step {
            chunks.push(chunk.to_vec());
        }
    }
    let Value::Array(meta) = msgpack::from_slice(chunks.first()?).ok()? else { return None };
    let [Value::UInt(status), Value::Array(pairs)] = &meta[..] else { return None };
    let status = u16::try_from(*status).ok().filter(|status| (200..1000).contains(status))?;
    let headers: Pairs = pairs.iter().map(pair).collect::<Option<_>>()?;
    let version = all(&headers, "x-cocaine-http-proto-version").into_iter().next();
    let mut pieces = chunks.into_iter().skip(1).collect::<Vec<_>>();
    if version == Some(b"1.1") {
        let end = pieces.iter().position(Vec::is_empty).unwrap_or(pieces.len());
        pieces.truncate(end);
    } else if version.is_some_and(|version| version != b"1.0") {
        return None;
    }
    let mut body = pieces.concat();
    let bodiless = method == "HEAD" || [204, 205, 304].contains(&status);
    (bodiless || matches!(steps.last(), Some(Step::Close))).then_some(())?;
    let declared = all(&headers, "content-length");
    if declared.len() > 1
        || (!bodiless && declared.iter().any(|len| *len != body.len().to_string().as_bytes()))
    {
        return None;
    }
    if bodiless {
        body.clear();
    }
    Some(Said { status, headers, body })
}

fn pair(pair: &Value) -> Option<(String, Vec<u8>)> {
    let Value::Array(pair) = pair else { return None };
    let [Value::Raw(name), Value::Raw(value)] = &pair[..] else { return None };
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let sound = !name.is_empty() && name.iter().all(token);
    let sound = sound && value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f));
    let name = String::from_utf8(name.to_vec()).ok()?.to_ascii_lowercase();
    sound.then(|| (name, value.trim_ascii().to_vec()))
}

fn all<'a>(headers: &'a Pairs, name: &str) -> Vec<&'a [u8]> {
    headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.as_slice()).collect()
}

/// Checks that an answer is what the worker has said.
fn as_said(said: &Said, answer: Result<Response, String>) -> Result<(), String> {
    let answer = answer?;
    if answer.status != said.status {
        return Err(format!("the status {} became {}: {}", said.status, answer.status, text(&answer)));
    }
    if answer.body != said.body {
        return Err(format!("the body became {}", text(&answer)));
    }
    let named: Vec<String> = all(&said.headers, "connection")
        .iter()
        .flat_map(|list| list.split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .collect();
    let hop = |name: &str| HOP.contains(&name) || named.iter().any(|hop| hop == name);
    let mut expected: Pairs = said.headers.iter().filter(|(name, _)| !hop(name)).cloned().collect();
    if [204, 205].contains(&said.status) {
        expected.retain(|(name, _)| name != "content-length");
    }
    let mut headers = received(&answer);
    headers.retain(|(name, _)| {
        !ADDED.contains(&name.as_str()) || expected.iter().any(|(expected, _)| expected == name)
    });
    expected.sort_by(|(a, _), (b, _)| a.cmp(b));
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    if headers == expected { Ok(()) } else { Err(format!("{expected:?} became {headers:?}")) }
}

fn received(answer: &Response) -> Pairs {
    answer.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

/// Checks that an answer is what the table says.
fn as_expected(ours: &Ours, answer: Result<Response, String>, version: &str) -> Result<(), String> {
    match (ours, answer) {
        (Ours::Never(..), Err(cut)) if version == "1.1" && cut.contains("without an end") => Ok(()),
        (Ours::Never(..), Err(cut)) if cut.contains("fewer bytes") => Ok(()),
        (Ours::Never(status, cause) | Ours::Instead(status, cause), Ok(answer)) => {
            let told = answer.header("x-error-generated-by").is_some()
                && (answer.body.is_empty() || text(&answer).contains(cause));
            let right = answer.status == *status && told;
            if right { Ok(()) } else { Err(format!("{}: {}", answer.status, text(&answer))) }
        }
        (Ours::Whole(status, pairs, body), Ok(answer)) => {
            let mut headers = received(&answer);
            let pairs: Pairs =
                pairs.iter().map(|(name, value)| ((*name).into(), value.as_bytes().to_vec())).collect();
            headers.retain(|(name, _)| {
                !ADDED.contains(&name.as_str()) || pairs.iter().any(|(pair, _)| pair == name)
            });
            let right = (answer.status, &headers, &*answer.body) == (*status, &pairs, body.as_bytes());
            if right { Ok(()) } else { Err(format!("{} {headers:?} {}", answer.status, text(&answer))) }
        }
        (_, Err(text)) => Err(text),
    }
}

fn text(answer: &Response) -> String {
    answer.body.iter().take(200).copied().collect::<Vec<_>>().escape_ascii().to_string()
}

/// Compares what the app was asked with what it was asked by the original proxy in Rust. By the way: values of one name
/// are there glued to one, even lengths; headers of one connection, and `Expect`, are no business of an app; the host of an absolute
/// URI is the `Host`; and a body that came in chunks has a length.
fn requests(exchange: &Exchange, asked: &[ReceivedEvent]) -> Vec<String> {
    let calls: Vec<_> = exchange.calls.iter().filter(|call| !call.worker).collect();
    if calls.len() != asked.len() {
        return vec![format!("{}: {} events became {}", exchange.name(), calls.len(), asked.len())];
    }
    let mut wrong = Vec::new();
    for (call, asked) in calls.iter().zip(asked) {
        let Some(theirs) = call.request() else { continue };
        let theirs = RequestChunk::decode(&theirs).unwrap();
        let absolute = theirs.uri.starts_with(b"http://");
        let (theirs, mut ours) = (told(&theirs, absolute), told(&asked.request(), absolute));
        remove_additions(&theirs.1, &mut ours.1);
        if (&call.event, &theirs) != (&asked.event, &ours) {
            wrong.push(format!(
                "{}:\n  was {} {theirs:?}\n  is  {} {ours:?}",
                exchange.name(),
                call.event,
                asked.event
            ));
        }
    }
    wrong
}

/// Removes what the gateway has added to the headers of a request: the id, and where the request comes from.
fn remove_additions(theirs: &[(String, String)], ours: &mut Vec<(String, String)>) {
    const ADDITIONS: [&str; 6] = [
        "x-request-id",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-prefix",
        "x-real-ip",
    ];
    let is_theirs = |name: &str| theirs.iter().any(|(known, _)| known == name);
    ours.retain(|(name, _)| is_theirs(name) || !ADDITIONS.contains(&name.as_str()));
    for (name, value) in ours {
        if name == "x-forwarded-for" {
            *value = value.strip_suffix(", 127.0.0.1").unwrap_or(value).to_owned();
        }
    }
}

/// Returns what an app is told, by the rules of [`requests`].
fn told(chunk: &RequestChunk, absolute: bool) -> (String, Vec<(String, String)>, String) {
    let uri = String::from_utf8_lossy(&chunk.uri).into_owned();
    let path =
        uri.strip_prefix("http://").map_or(uri.as_str(), |rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = path.split('#').next().unwrap_or_default();
    let mut headers: Vec<(String, String)> = Vec::new();
    let chunked = chunk.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"transfer-encoding"));
    for (name, value) in &chunk.headers {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let value = value.escape_ascii().to_string();
        match headers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push_str(&value),
            None => headers.push((name, value)),
        }
    }
    let length = chunk.body.len().to_string();
    match headers.iter_mut().find(|(name, _)| name == "content-length") {
        Some((_, value)) => *value = length,
        None if chunked => headers.push(("content-length".into(), length)),
        None => {}
    }
    let listed =
        headers.iter().find(|(name, _)| name == "connection").map(|(_, list)| list.to_ascii_lowercase());
    let named: Vec<&str> = listed.iter().flat_map(|list| list.split(',')).map(str::trim).collect();
    headers.retain(|(name, _)| {
        !HOP.contains(&name.as_str()) && name != "expect" && !named.contains(&name.as_str())
    });
    headers.retain(|(name, _)| !(absolute && name == "host"));
    (
        format!("{} {path} {:?}", String::from_utf8_lossy(&chunk.method), chunk.version),
        headers,
        chunk.body.escape_ascii().to_string(),
    )
}
