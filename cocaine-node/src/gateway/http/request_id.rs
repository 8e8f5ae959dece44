//! The id of a request, which is the id of its trace, and whether the trace is recorded (`worker.md` 7.2).

use cocaine::Trace;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::error::HttpError;

/// The header with the id, in requests and responses.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header by which a request decides whether its trace is recorded.
const POLICY: HeaderName = HeaderName::from_static("x-cocaine-tracing-policy");

/// The identity of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RequestId {
    pub(crate) trace: Trace,
    /// Whether the trace is recorded.
    pub(crate) sampled: bool,
}

impl RequestId {
    /// Returns the id in the headers, or a random one.
    ///
    /// # Errors
    /// 400 for an invalid header.
    pub(crate) fn from_headers(headers: &HeaderMap, sampling: f64) -> Result<Self, HttpError> {
        Self::parse(headers, sampling).map_err(|text| HttpError::new(StatusCode::BAD_REQUEST, text))
    }

    fn parse(headers: &HeaderMap, sampling: f64) -> Result<Self, String> {
        let mut ids = headers.get_all(&REQUEST_ID).iter();
        let id = match (ids.next(), ids.next()) {
            (None, _) => fastrand::u64(1..),
            (Some(_), Some(_)) => return Err(format!("Invalid `{NAME}` header value: it is repeated")),
            (Some(id), None) => parse_id(id.as_bytes()).ok_or_else(|| {
                format!("Invalid `{NAME}` header value: it must be 1 to 16 hexadecimal digits that are not all 0, 32 of them, or a UUID")
            })?,
        };
        let trace = Trace::root(id).child(fastrand::u64(1..));
        Ok(Self { trace, sampled: is_sampled(headers, sampling)? })
    }

    /// Returns the id as a header of the response.
    pub(crate) fn to_header(self) -> HeaderValue {
        // Digits are always a valid header value.
        HeaderValue::try_from(format!("{:016x}", self.trace.trace_id))
            .unwrap_or(HeaderValue::from_static("0"))
    }
}

const NAME: &str = "X-Request-Id";

/// Parses up to 16 hexadecimal digits, or the first 16 of 32, which may have the dashes of a UUID.
fn parse_id(text: &[u8]) -> Option<u64> {
    let digits: Vec<u8> = match text.len() {
        36 if [8, 13, 18, 23].iter().all(|at| text[*at] == b'-') => {
            text.iter().copied().filter(|byte| *byte != b'-').collect()
        }
        1..=16 | 32 => text.to_vec(),
        _ => return None,
    };
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digits = std::str::from_utf8(&digits[..digits.len().min(16)]).ok()?;
    u64::from_str_radix(digits, 16).ok().filter(|id| *id != 0)
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

    fn id(values: &[&'static str]) -> Result<RequestId, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&REQUEST_ID, HeaderValue::from_static(value));
        }
        RequestId::parse(&headers, 0.0)
    }

    #[test]
    fn hex_digits_are_the_id() {
        for (text, expected) in [
            ("1df2b8a4c0d3e5f7", 0x1df2_b8a4_c0d3_e5f7),
            ("1DF2B8A4C0D3E5F7", 0x1df2_b8a4_c0d3_e5f7),
            ("ff", 0xff),
            ("1df2b8a4c0d3e5f70011223344556677", 0x1df2_b8a4_c0d3_e5f7),
            ("1df2b8a4-c0d3-4e5f-8001-122334455667", 0x1df2_b8a4_c0d3_4e5f),
        ] {
            let id = id(&[text]).unwrap();
            assert_eq!(id.trace.trace_id, expected, "{text}");
            assert_eq!(id.trace.parent_id, expected, "the gateway's span is a child of the request's");
            assert_eq!(id.to_header(), format!("{expected:016x}"));
        }
    }

    #[test]
    fn invalid_id_is_refused() {
        for text in
            ["", "0", "0000000000000000", "not-hex", "0x10", "-1", "+1", "12345678901234567", "1df2b8a4-c0d3"]
        {
            assert!(id(&[text]).unwrap_err().contains("X-Request-Id"), "{text}");
        }
        assert!(id(&["1", "2"]).unwrap_err().contains("repeated"));
    }

    #[test]
    fn missing_id_is_random() {
        assert_ne!(id(&[]).unwrap().trace.trace_id, id(&[]).unwrap().trace.trace_id);
    }

    #[test]
    fn policy_header_decides_sampling() {
        let mut headers = HeaderMap::new();
        let of = |headers: &HeaderMap, sampling| RequestId::parse(headers, sampling).map(|id| id.sampled);
        assert_eq!((of(&headers, 0.0), of(&headers, 1.0)), (Ok(false), Ok(true)));
        for (policy, at_none, at_all) in [("Auto", false, true), ("1.0", true, true), ("0", false, false)] {
            headers.insert(&POLICY, HeaderValue::from_static(policy));
            assert_eq!((of(&headers, 0.0), of(&headers, 1.0)), (Ok(at_none), Ok(at_all)), "{policy}");
        }
        for policy in ["", "often", "1.5", "NaN", "-1"] {
            headers.insert(&POLICY, HeaderValue::from_static(policy));
            assert!(of(&headers, 0.5).unwrap_err().contains("Tracing-Policy"), "{policy}");
        }
    }
}
