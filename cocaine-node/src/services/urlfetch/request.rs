//! A request, and the request that follows from a redirect.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request as HttpRequest, Response, StatusCode, header,
};
use http_body_util::Full;
use url::Url;

use super::error::FetchError;

/// A request that can be sent again after a redirect.
#[derive(Clone, Debug)]
pub(super) struct FetchRequest {
    url: Url,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

/// Cookies or headers of a caller.
pub(super) type Pairs<'a> = Option<&'a BTreeMap<String, String>>;

/// The default value of `User-Agent`.
const USER_AGENT: &str = concat!("cocaine-node/", env!("CARGO_PKG_VERSION"));

/// Headers that describe the transfer, which callers cannot set.
const TRANSFER_HEADERS: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Headers that are not sent to another origin after a redirect.
const ORIGIN_HEADERS: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::HOST, header::PROXY_AUTHORIZATION];

/// Headers that describe the body.
const BODY_HEADERS: [HeaderName; 4] =
    [header::CONTENT_ENCODING, header::CONTENT_LANGUAGE, header::CONTENT_LOCATION, header::CONTENT_TYPE];

impl FetchRequest {
    /// Returns a request without a body.
    pub(super) fn get(url: &str, cookies: Pairs<'_>, headers: Pairs<'_>) -> Result<Self, FetchError> {
        Self::new(Method::GET, url, Bytes::new(), cookies, headers)
    }

    /// Returns a request with a body.
    pub(super) fn post(
        url: &str,
        body: Bytes,
        cookies: Pairs<'_>,
        headers: Pairs<'_>,
    ) -> Result<Self, FetchError> {
        Self::new(Method::POST, url, body, cookies, headers)
    }

    fn new(
        method: Method,
        url: &str,
        body: Bytes,
        cookies: Pairs<'_>,
        headers: Pairs<'_>,
    ) -> Result<Self, FetchError> {
        let parsed =
            Url::parse(url).map_err(|error| FetchError::Invalid(format!("it is not a URL: {error}")))?;
        check_url(&parsed).map_err(FetchError::Invalid)?;
        Ok(Self { url: parsed, method, headers: build_headers(cookies, headers)?, body })
    }

    /// Builds the HTTP request.
    pub(super) fn to_http(&self) -> Result<HttpRequest<Full<Bytes>>, FetchError> {
        let mut url = self.url.clone();
        url.set_fragment(None);
        let request = HttpRequest::builder().method(&self.method).uri(url.as_str());
        let mut request = request
            .body(Full::new(self.body.clone()))
            .map_err(|error| FetchError::Invalid(format!("the URL cannot be sent: {error}")))?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    /// Returns the next request if the response is a redirect.
    pub(super) fn redirected<B>(&self, answer: &Response<B>) -> Result<Option<Self>, FetchError> {
        let status = answer.status();
        let becomes_get = match status {
            StatusCode::SEE_OTHER => true,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
            _ => return Ok(None),
        };
        let Some(location) = answer.headers().get(header::LOCATION) else { return Ok(None) };
        let invalid =
            |reason: String| FetchError::InvalidResponse(format!("redirected to {location:?}: {reason}"));
        let text = str::from_utf8(location.as_bytes()).map_err(|error| invalid(error.to_string()))?;
        let url = self.url.join(text).map_err(|error| invalid(error.to_string()))?;
        check_url(&url).map_err(invalid)?;
        let mut next = self.clone();
        if becomes_get {
            (next.method, next.body) = (Method::GET, Bytes::new());
            next.remove_headers(&BODY_HEADERS);
        }
        // They stay removed even if a later redirect leads back to the first origin.
        if url.origin() != self.url.origin() {
            next.remove_headers(&ORIGIN_HEADERS);
        }
        next.url = url;
        Ok(Some(next))
    }

    fn remove_headers(&mut self, names: &[HeaderName]) {
        for name in names {
            self.headers.remove(name);
        }
    }
}

/// Checks that a URL can be fetched.
fn check_url(url: &Url) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("only http and https are fetched, and not {}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL carries no password: send the header Authorization".into());
    }
    Ok(())
}

fn build_headers(cookies: Pairs<'_>, given: Pairs<'_>) -> Result<HeaderMap, FetchError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    for (name, value) in given.into_iter().flatten() {
        let known = HeaderName::from_bytes(name.as_bytes());
        let known = known.map_err(|_| FetchError::Invalid(format!("{name:?} is not a header name")))?;
        if TRANSFER_HEADERS.contains(&known) {
            return Err(FetchError::Invalid(format!("the header {name} is not the caller's to set")));
        }
        headers.insert(known, header_value(name, value)?);
    }
    let mut all: Vec<_> = cookies.into_iter().flatten().map(format_cookie).collect::<Result<_, _>>()?;
    if !all.is_empty() {
        if let Some(given) = headers.get(header::COOKIE) {
            all.insert(0, String::from_utf8_lossy(given.as_bytes()).into_owned());
        }
        headers.insert(header::COOKIE, header_value("Cookie", &all.join("; "))?);
    }
    Ok(headers)
}

fn format_cookie((name, value): (&String, &String)) -> Result<String, FetchError> {
    if name.is_empty() || name.contains(['=', ';']) || value.contains(';') {
        return Err(FetchError::Invalid(format!("{name:?} with {value:?} is not a valid cookie")));
    }
    Ok(format!("{name}={value}"))
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, FetchError> {
    HeaderValue::from_str(value).map_err(|_| {
        FetchError::Invalid(format!("the value of {name} has characters that no header may have"))
    })
}

#[cfg(test)]
mod tests;
