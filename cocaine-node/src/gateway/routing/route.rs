//! Which event a request is for (`worker.md` 7.1).

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header, request, uri::PathAndQuery};

use crate::config::Target;

/// The header that names the service.
pub(crate) const SERVICE: HeaderName = HeaderName::from_static("x-cocaine-service");
/// The header that names the event.
pub(crate) const EVENT: HeaderName = HeaderName::from_static("x-cocaine-event");

/// Who answers a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Route {
    /// An event of an app, which gets this path and query.
    App(Target, PathAndQuery),
    /// The gateway itself, by its own path.
    Own,
}

/// Why a request is for nobody.
#[derive(Debug, PartialEq)]
pub(crate) struct Unroutable(pub(crate) String);

/// Returns who answers: the one that both headers name, else the one whose host is asked for, else the one that the first
/// two segments of the path name, which it is not told of.
///
/// # Errors
/// Headers of which one is missing, empty, repeated, or not a text.
pub(crate) fn route(parts: &request::Parts, hosts: &HashMap<String, Target>) -> Result<Route, Unroutable> {
    if let Some(target) = by_headers(&parts.headers)? {
        return Ok(Route::App(target, path_and_query(&parts.uri)));
    }
    if let Some(target) = by_host(parts, hosts) {
        return Ok(Route::App(target.clone(), path_and_query(&parts.uri)));
    }
    Ok(by_path(&parts.uri).map_or(Route::Own, |(target, rest)| Route::App(target, rest)))
}

fn by_headers(headers: &HeaderMap) -> Result<Option<Target>, Unroutable> {
    match (single(headers, &SERVICE)?, single(headers, &EVENT)?) {
        (Some(service), Some(event)) => Ok(Some(Target { service, event })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Unroutable(format!("the header {SERVICE} needs {EVENT} beside it"))),
        (None, Some(_)) => Err(Unroutable(format!("the header {EVENT} needs {SERVICE} beside it"))),
    }
}

fn single(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Unroutable> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Err(Unroutable(format!("the header {name} is empty or not a text")));
    }
    if values.next().is_some() {
        return Err(Unroutable(format!("the header {name} is repeated")));
    }
    Ok(Some(text.into()))
}

fn by_host<'a>(parts: &request::Parts, hosts: &'a HashMap<String, Target>) -> Option<&'a Target> {
    if hosts.is_empty() {
        return None;
    }
    let host = match parts.uri.host() {
        Some(host) => host,
        None => name(parts.headers.get(header::HOST)?)?,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let wild = || host.split_once('.').and_then(|(_, domain)| hosts.get(&format!("*.{domain}")));
    hosts.get(&host).or_else(wild)
}

/// Returns a host without its port.
fn name(host: &HeaderValue) -> Option<&str> {
    let host = host.to_str().ok()?.trim();
    match host.rsplit_once(':') {
        // What is left of an IPv6 address in brackets ends with one.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(name),
        _ => Some(host),
    }
}

fn by_path(uri: &Uri) -> Option<(Target, PathAndQuery)> {
    let (service, rest) = uri.path().strip_prefix('/')?.split_once('/')?;
    let (event, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if service.is_empty() || event.is_empty() {
        return None;
    }
    let target = Target { service: service.into(), event: event.into() };
    let rest = match (path, uri.query()) {
        ("", None) => return Some((target, PathAndQuery::from_static("/"))),
        ("", Some(query)) => format!("/?{query}"),
        (path, None) => path.to_owned(),
        (path, Some(query)) => format!("{path}?{query}"),
    };
    // A part of what was a path, and a query that was one.
    Some((target, PathAndQuery::try_from(rest).ok()?))
}

fn path_and_query(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}

#[cfg(test)]
mod tests;
