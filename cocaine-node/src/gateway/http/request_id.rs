//! The identity of a request: its id, its trace, and whether the trace is recorded (`worker.md` 7.2).
//!
//! The id is whatever the client sends as `X-Request-Id`, or a random one. The cloud traces requests by numbers of 64 bits.
//! That of a request is
//!
//! - the number that an id of 1 to 16 hexadecimal digits is, or the first 16 digits of 32 or of a UUID;
//! - for any other id, and for zero, the first 64 bits of its MD5: the same id has the same trace everywhere;
//! - without an id, the last 64 bits of the trace in `traceparent`, if there is one.

use cocaine::Trace;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use md5::{Digest, Md5};

use super::error::HttpError;

/// The header with the id, in requests and responses.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header with the trace of a client, as the W3C describes it.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The header by which a request decides whether its trace is recorded.
const POLICY: HeaderName = HeaderName::from_static("x-cocaine-tracing-policy");

/// The most bytes of an id that is passed on.
const MAX_ID_LEN: usize = 200;

/// The identity of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RequestId {
    /// The id, as the client has sent it.
    pub(crate) text: HeaderValue,
    /// The `traceparent` of the client, if it is valid.
    pub(crate) traceparent: Option<HeaderValue>,
    pub(crate) trace: Trace,
    /// Whether `traceparent` says that the trace is recorded.
    is_parent_sampled: bool,
}

impl RequestId {
    /// Returns the identity that the headers give, and adds the id to them unless they have it. An id that is too long, or
    /// has other characters than visible ones of ASCII, is replaced.
    pub(crate) fn from_headers(headers: &mut HeaderMap) -> Self {
        let parent = headers
            .get(&TRACEPARENT)
            .and_then(|value| Some((value.clone(), parse_traceparent(value.as_bytes())?)));
        let (traceparent, parent) = parent.unzip();
        let known = headers.get_all(&REQUEST_ID).iter().find(|id| is_valid_id(id)).cloned();
        let trace = match (&known, parent) {
            (Some(id), _) => Trace::root(trace_id(id.as_bytes())),
            (None, Some(Parent { trace_id, span_id, .. })) => Trace { trace_id, span_id, parent_id: 0 },
            (None, None) => Trace::root(fastrand::u64(1..)),
        };
        let text = known.unwrap_or_else(|| number_text(trace.trace_id));
        if !headers.contains_key(&REQUEST_ID) || !headers.get_all(&REQUEST_ID).iter().all(is_valid_id) {
            headers.insert(&REQUEST_ID, text.clone());
        }
        let is_parent_sampled = parent.is_some_and(|parent| parent.sampled);
        Self { text, traceparent, trace: trace.child(fastrand::u64(1..)), is_parent_sampled }
    }

    /// Decides whether the trace is recorded: by the policy in the headers, by `traceparent`, or by chance.
    ///
    /// # Errors
    /// 400 for an invalid policy.
    pub(crate) fn is_sampled(&self, headers: &HeaderMap, sampling: f64) -> Result<bool, HttpError> {
        is_sampled(headers, if self.is_parent_sampled { 1.0 } else { sampling })
            .map_err(|text| HttpError::new(StatusCode::BAD_REQUEST, text))
    }

    /// Adds the id, and the `traceparent` that has come, to the headers of the response.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        headers.entry(REQUEST_ID).or_insert_with(|| self.text.clone());
        if let Some(traceparent) = &self.traceparent {
            headers.entry(TRACEPARENT).or_insert_with(|| traceparent.clone());
        }
    }

    /// Returns the id as text, for the log.
    pub(crate) fn as_str(&self) -> &str {
        self.text.to_str().unwrap_or_default()
    }
}

fn number_text(id: u64) -> HeaderValue {
    // Digits are always a valid header value.
    HeaderValue::try_from(format!("{id:016x}")).unwrap_or(HeaderValue::from_static("0"))
}

fn is_valid_id(id: &HeaderValue) -> bool {
    (1..=MAX_ID_LEN).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn trace_id(id: &[u8]) -> u64 {
    parse_id(id).unwrap_or_else(|| {
        let hash: [u8; 16] = Md5::digest(id).into();
        u64::from_be_bytes(std::array::from_fn(|at| hash[at])).max(1)
    })
}

/// Parses up to 16 hexadecimal digits, or the first 16 of 32, which may have the dashes of a UUID.
fn parse_id(text: &[u8]) -> Option<u64> {
    let digits: Vec<u8> = match text.len() {
        36 if [8, 13, 18, 23].iter().all(|at| text[*at] == b'-') => {
            text.iter().copied().filter(|byte| *byte != b'-').collect()
        }
        1..=16 | 32 => text.to_vec(),
        _ => return None,
    };
    parse_hex(&digits)?;
    parse_hex(&digits[..digits.len().min(16)]).and_then(|id| u64::try_from(id).ok()).filter(|id| *id != 0)
}

/// Parses hexadecimal digits, and nothing else, as a number.
fn parse_hex(digits: &[u8]) -> Option<u128> {
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
    u128::from_str_radix(digits, 16).ok()
}

/// What a `traceparent` says.
#[derive(Clone, Copy)]
struct Parent {
    trace_id: u64,
    span_id: u64,
    sampled: bool,
}

/// Parses `VERSION-TRACE-PARENT-FLAGS`, to which later versions may append more.
fn parse_traceparent(text: &[u8]) -> Option<Parent> {
    let is_known_length = text.len() == 55 || (text.len() > 55 && &text[..2] != b"00" && text[55] == b'-');
    if !is_known_length || text.len() > MAX_ID_LEN || !text.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    if [2, 35, 52].iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let [version, trace, parent, flags] =
        [&text[..2], &text[3..35], &text[36..52], &text[53..55]].map(parse_hex);
    let (trace, parent) = (trace.filter(|id| *id != 0)?, parent.filter(|id| *id != 0)?);
    let low = trace & u128::from(u64::MAX);
    (version? != 0xff).then_some(Parent {
        trace_id: u64::try_from(low).ok()?.max(1),
        span_id: u64::try_from(parent).ok()?,
        sampled: flags? & 1 == 1,
    })
}

fn is_sampled(headers: &HeaderMap, sampling: f64) -> Result<bool, String> {
    let chance = match headers.get(&POLICY).map(HeaderValue::as_bytes) {
        None => sampling,
        Some(policy) if policy.eq_ignore_ascii_case(b"auto") => sampling,
        Some(policy) => std::str::from_utf8(policy)
            .ok()
            .and_then(|policy| policy.parse().ok())
            .filter(|chance| (0.0..=1.0).contains(chance))
            .ok_or("Invalid `X-Cocaine-Tracing-Policy` header value: it must be `Auto` or a fraction from 0 to 1")?,
    };
    Ok(fastrand::f64() < chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn id(values: &[&'static str]) -> (RequestId, Vec<HeaderValue>) {
        let mut headers = headers(&values.iter().map(|value| (REQUEST_ID, *value)).collect::<Vec<_>>());
        let id = RequestId::from_headers(&mut headers);
        (id, headers.get_all(&REQUEST_ID).iter().cloned().collect())
    }

    #[test]
    fn hex_digits_are_the_trace() {
        for (text, expected) in [
            ("1df2b8a4c0d3e5f7", 0x1df2_b8a4_c0d3_e5f7),
            ("1DF2B8A4C0D3E5F7", 0x1df2_b8a4_c0d3_e5f7),
            ("ff", 0xff),
            ("1df2b8a4c0d3e5f70011223344556677", 0x1df2_b8a4_c0d3_e5f7),
            ("1df2b8a4-c0d3-4e5f-8001-122334455667", 0x1df2_b8a4_c0d3_4e5f),
        ] {
            let (id, sent) = id(&[text]);
            assert_eq!(id.trace.trace_id, expected, "{text}");
            assert_eq!(id.trace.parent_id, expected, "the gateway's span is a child of the request's");
            assert_eq!((id.as_str(), sent), (text, vec![HeaderValue::from_static(text)]));
        }
    }

    #[test]
    fn other_ids_are_kept_and_hashed() {
        let longest = "x".repeat(MAX_ID_LEN);
        for text in [
            "0",
            "0000000000000000",
            "not-hex",
            "req_01HV6Z9Y3K8Q2W4E5R6T7Y8U9I",
            "0x10",
            "-1",
            longest.leak(),
        ] {
            let (first, sent) = id(&[text]);
            assert_eq!((first.as_str(), sent), (text, vec![HeaderValue::from_static(text)]));
            assert_ne!(first.trace.trace_id, 0);
            assert_eq!(first.trace.trace_id, id(&[text]).0.trace.trace_id, "{text}");
        }
        assert_ne!(id(&["a-1"]).0.trace.trace_id, id(&["a-2"]).0.trace.trace_id);
        let (first, sent) = id(&["a1", "b2"]);
        assert_eq!((first.as_str(), sent.len()), ("a1", 2), "the app gets both");
    }

    #[test]
    fn unusable_ids_are_replaced() {
        let too_long: &'static str = "x".repeat(MAX_ID_LEN + 1).leak();
        for text in ["", "two words", "tab\tbed", too_long] {
            let (id, sent) = id(&[text]);
            assert_eq!(id.text, number_text(id.trace.trace_id), "{text}");
            assert_eq!(sent, [id.text]);
        }
        let (id, sent) = id(&["two words", "one"]);
        assert_eq!((id.as_str(), sent), ("one", vec![HeaderValue::from_static("one")]));
    }

    #[test]
    fn missing_id_is_random() {
        let ((one, sent), (two, _)) = (id(&[]), id(&[]));
        assert_ne!(one.trace.trace_id, two.trace.trace_id);
        assert_eq!(sent, [one.text]);
    }

    #[test]
    fn traceparent_is_the_trace_without_id() {
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut without_id = headers(&[(TRACEPARENT, valid)]);
        let id = RequestId::from_headers(&mut without_id);
        assert_eq!((id.trace.trace_id, id.trace.parent_id), (0x8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331));
        assert_eq!((id.as_str(), id.is_parent_sampled), ("8448eb211c80319c", true));
        assert_eq!(id.traceparent.unwrap(), valid);
        let id = RequestId::from_headers(&mut headers(&[(TRACEPARENT, valid), (REQUEST_ID, "ff")]));
        assert_eq!((id.trace.trace_id, id.traceparent.is_some()), (0xff, true));
        for invalid in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            let id = RequestId::from_headers(&mut headers(&[(TRACEPARENT, invalid)]));
            assert_eq!((id.traceparent, id.is_parent_sampled), (None, false), "{invalid}");
        }
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more";
        assert!(RequestId::from_headers(&mut headers(&[(TRACEPARENT, later)])).traceparent.is_some());
    }

    #[test]
    fn policy_header_decides_sampling() {
        let of = |policy: Option<&'static str>, sampling| {
            let mut headers = headers(&policy.map(|policy| (POLICY, policy)).into_iter().collect::<Vec<_>>());
            RequestId::from_headers(&mut headers).is_sampled(&headers, sampling)
        };
        assert_eq!((of(None, 0.0).unwrap(), of(None, 1.0).unwrap()), (false, true));
        for (policy, at_none, at_all) in [("Auto", false, true), ("1.0", true, true), ("0", false, false)] {
            let sampled = (of(Some(policy), 0.0).unwrap(), of(Some(policy), 1.0).unwrap());
            assert_eq!(sampled, (at_none, at_all), "{policy}");
        }
        for policy in ["", "often", "1.5", "NaN", "-1"] {
            let error = of(Some(policy), 0.5).unwrap_err();
            assert!(error.status == 400 && error.cause.contains("Tracing-Policy"), "{policy}");
        }
    }
}
