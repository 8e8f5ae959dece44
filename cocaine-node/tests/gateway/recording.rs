//! What clients, the original proxies and workers were recorded to say to each other (`traces/http/condense.py`).

use cocaine::Bytes;
use serde::Deserialize;

use crate::{
    app::Step,
    client::{Response, parse},
};

/// How many recordings there are.
const ALL: usize = 474;

/// One recording.
#[derive(Deserialize)]
pub(crate) struct Exchange {
    pub(crate) scenario: String,
    pub(crate) proxy: String,
    pub(crate) conns: Vec<Conn>,
    pub(crate) calls: Vec<Call>,
}

/// What a client said, and what it was answered.
#[derive(Deserialize)]
pub(crate) struct Conn {
    sent: String,
    answered: String,
    /// Whether the end of the answer was not kept.
    #[serde(default)]
    pub(crate) cut: bool,
}

/// What an app was asked, and what it answered.
#[derive(Deserialize)]
pub(crate) struct Call {
    pub(crate) event: String,
    ask: Vec<String>,
    answer: Vec<Said>,
    /// Whether the worker said this, and the proxy was told something else.
    #[serde(default)]
    pub(crate) worker: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Chunk(String),
    Error(i64, i64, String),
    Close(serde::de::IgnoredAny),
}

impl Exchange {
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.proxy, self.scenario)
    }
}

impl Conn {
    pub(crate) fn sent(&self) -> Vec<u8> {
        bytes(&self.sent)
    }

    /// Returns the statuses of the answers.
    ///
    /// # Errors
    /// What is wrong with the answers.
    pub(crate) fn statuses(&self) -> Result<Vec<u16>, String> {
        if self.cut {
            return Ok(vec![200]);
        }
        Ok(answers(&self.sent(), &bytes(&self.answered))?.iter().map(|answer| answer.status).collect())
    }
}

impl Call {
    /// Returns the chunk of the request; none if it was not sent.
    pub(crate) fn request(&self) -> Option<Bytes> {
        self.ask.first().map(|chunk| bytes(chunk).into())
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        let step = |said: &Said| match said {
            Said::Chunk(chunk) => Step::Chunk(bytes(chunk).into()),
            Said::Error(category, code, text) => Step::Error(*category, *code, text.clone()),
            Said::Close(_) => Step::Close,
        };
        self.answer.iter().map(step).collect()
    }

    /// Returns whether the answer has an end.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.answer.last(), Some(Said::Error(..) | Said::Close(_)))
    }
}

/// Returns all recordings but those of JSON-RPC, in which the proxy itself makes calls of what a client says.
pub(crate) fn exchanges() -> Vec<Exchange> {
    let mut all: Vec<Exchange> = test_support::recording::read_json("http/exchanges");
    assert_eq!(all.len(), ALL);
    all.retain(|exchange| !exchange.scenario.starts_with("jsonrpc-"));
    all
}

/// Returns the answers that `answered` is made of, to the requests that `sent` is made of.
///
/// # Errors
/// What HTTP does not allow.
pub(crate) fn answers(sent: &[u8], mut answered: &[u8]) -> Result<Vec<Response>, String> {
    let mut requests = requests(sent).into_iter();
    let mut request = requests.next();
    let mut answers = Vec::new();
    while !answered.is_empty() {
        let (method, http_10) = request.take().unwrap_or(("GET".into(), false));
        let (answer, rest) =
            parse(answered, &method, http_10, true)?.ok_or("the end of the answer is missing")?;
        request = if answer.status < 200 { Some((method, http_10)) } else { requests.next() };
        answered = rest;
        answers.push(answer);
    }
    Ok(answers)
}

/// Returns the methods of requests, and whether each is of HTTP/1.0.
fn requests(sent: &[u8]) -> Vec<(String, bool)> {
    let text = sent.iter().map(|byte| char::from(*byte)).collect::<String>();
    let request = |line: &str| {
        let (rest, version) = line.rsplit_once(" HTTP/")?;
        // A body may lie before the line.
        let method = rest.split(' ').next()?.rsplit(|c: char| !c.is_ascii_alphabetic()).next()?;
        Some((method.to_owned(), version == "1.0"))
    };
    text.split("\r\n").filter_map(request).collect()
}

/// Returns bytes that are written as digits, with repetitions as `6162*10`.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let part = |part: &str| {
        let (digits, times) = part.split_once('*').unwrap_or((part, "1"));
        let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let unit: Vec<u8> = (0..digits.len()).step_by(2).map(pair).collect();
        unit.repeat(times.parse().unwrap())
    };
    text.split(' ').filter(|part| !part.is_empty()).flat_map(part).collect()
}
