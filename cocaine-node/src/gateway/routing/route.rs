//! Which event a request is for (`worker.md` 7.1).

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, Uri, header, request, uri::PathAndQuery};

use crate::config::Target;

/// The header that names the service.
pub(crate) const SERVICE: HeaderName = HeaderName::from_static("x-cocaine-service");
/// The header that names the event.
pub(crate) const EVENT: HeaderName = HeaderName::from_static("x-cocaine-event");

/// Where a request goes.
#[derive(Debug, PartialEq)]
pub(crate) enum Route {
    /// To an event, with this path and query.
    Event(Target, PathAndQuery),
    /// To a page of the gateway itself.
    Gateway,
}

/// A request whose headers do not name an event.
#[derive(Debug, PartialEq)]
pub(crate) struct RouteError(pub(crate) String);

/// Returns where a request goes: to the event in the headers, else to the event of its host, else to the event in the
/// first two segments of the path, which are removed.
///
/// # Errors
/// A header that is missing beside the other one, empty, repeated, or not text.
pub(crate) fn find_route(
    parts: &request::Parts,
    hosts: &HashMap<String, Target>,
) -> Result<Route, RouteError> {
    if let Some(target) = target_in_headers(&parts.headers)? {
        return Ok(Route::Event(target, path_and_query(&parts.uri)));
    }
    if let Some(target) = target_of_host(parts, hosts) {
        return Ok(Route::Event(target.clone(), path_and_query(&parts.uri)));
    }
    Ok(target_in_path(&parts.uri).map_or(Route::Gateway, |(target, rest)| Route::Event(target, rest)))
}

fn target_in_headers(headers: &HeaderMap) -> Result<Option<Target>, RouteError> {
    match (single_value(headers, &SERVICE)?, single_value(headers, &EVENT)?) {
        (Some(service), Some(event)) => Ok(Some(Target { service, event })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(RouteError(format!("the header {SERVICE} requires the header {EVENT}"))),
        (None, Some(_)) => Err(RouteError(format!("the header {EVENT} requires the header {SERVICE}"))),
    }
}

fn single_value(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, RouteError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Err(RouteError(format!("the header {name} is empty or not text")));
    }
    if values.next().is_some() {
        return Err(RouteError(format!("the header {name} is repeated")));
    }
    Ok(Some(text.into()))
}

fn target_of_host<'a>(parts: &request::Parts, hosts: &'a HashMap<String, Target>) -> Option<&'a Target> {
    if hosts.is_empty() {
        return None;
    }
    let host = host_name(parts)?;
    let wildcard = || host.split_once('.').and_then(|(_, domain)| hosts.get(&format!("*.{domain}")));
    hosts.get(&host).or_else(wildcard)
}

/// Returns the name of the host that a request is for, in lower case and without its port.
pub(crate) fn host_name(parts: &request::Parts) -> Option<String> {
    let host = match parts.uri.host() {
        Some(host) => host,
        None => without_port(host_authority(parts)?),
    };
    Some(host.trim_end_matches('.').to_ascii_lowercase())
}

/// Returns the host that a request is for, with the port if it has one.
pub(crate) fn host_authority(parts: &request::Parts) -> Option<&str> {
    match parts.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => parts.headers.get(header::HOST)?.to_str().ok().map(str::trim),
    }
}

/// Returns a host without its port.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The part after the last colon of a bracketed IPv6 address ends with a bracket, and is not a port.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn target_in_path(uri: &Uri) -> Option<(Target, PathAndQuery)> {
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
    // Parts of a valid path and query are valid.
    Some((target, PathAndQuery::try_from(rest).ok()?))
}

fn path_and_query(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}

#[cfg(test)]
mod tests;
