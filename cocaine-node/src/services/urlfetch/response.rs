//! Converts HTTP responses.

use std::collections::BTreeMap;

use cocaine::Bytes;
use cocaine_bindings::urlfetch::Fetched;
use http::{HeaderMap, Response, response::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use super::error::FetchError;

/// Reads a response with its body, which is not decompressed.
pub(super) async fn read_response(
    answer: Response<Incoming>,
    max_body: usize,
) -> Result<Fetched, FetchError> {
    let (Parts { status, headers, .. }, body) = answer.into_parts();
    if body.size_hint().lower() > max_body as u64 {
        return Err(FetchError::TooLarge(max_body));
    }
    let body = Limited::new(body, max_body).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            FetchError::TooLarge(max_body)
        } else {
            FetchError::from_client_error(&*error)
        }
    })?;
    Ok(Fetched {
        ok: !(400..600).contains(&status.as_u16()),
        body: body.to_bytes().into(),
        code: status.as_u16().into(),
        headers: headers_by_name(&headers),
    })
}

/// Returns the headers with title-cased names. Of several headers with one name the first is returned.
fn headers_by_name(headers: &HeaderMap) -> BTreeMap<String, Bytes> {
    let mut named = BTreeMap::new();
    for (name, value) in headers {
        named.entry(title_case(name.as_str())).or_insert_with(|| value.as_bytes().into());
    }
    named
}

/// Title-cases a header name, as most servers write it. The HTTP client does not keep the original spelling.
fn title_case(name: &str) -> String {
    let mut begins = true;
    let letter = |letter: char| {
        let letter = if begins { letter.to_ascii_uppercase() } else { letter };
        begins = letter == '-';
        letter
    };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn header_names_are_title_cased() {
        let cases =
            [("content-length", "Content-Length"), ("x-srv", "X-Srv"), ("etag", "Etag"), ("-a--b", "-A--B")];
        for (name, written) in cases {
            assert_eq!(title_case(name), written);
        }
    }

    #[test]
    fn first_of_repeated_headers_is_returned() {
        let mut headers = HeaderMap::new();
        headers.append("set-cookie", HeaderValue::from_static("a=1"));
        headers.append("set-cookie", HeaderValue::from_static("b=2"));
        headers.append("x-raw", HeaderValue::from_bytes(b"\xff").unwrap());
        let named = headers_by_name(&headers);
        assert_eq!(named["Set-Cookie"], "a=1");
        assert_eq!(named["X-Raw"], [0xff].as_slice());
        assert_eq!(named.len(), 2);
    }
}
